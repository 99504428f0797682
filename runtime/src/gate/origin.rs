//! Guesses from the imports of a module how it was built, and suggests a fix. Affects messages only.

use super::inspection::Import;
use super::wasi::{WASI_MODULE, known};

/// A way of building that leaves a certain kind of import behind.
struct Origin {
    left_behind: fn(&Import) -> bool,
    hint: &'static str,
}

/// From the particular to the general: each import is explained by the first that fits.
const ORIGINS: [Origin; 15] = [
    Origin {
        left_behind: |import| import.module == WASI_MODULE && known(&import.name).is_some(),
        hint: "A function of WASI with another type comes from a wrong declaration: use wasi-libc or the wasip1 crate.",
    },
    Origin {
        left_behind: |import| import.module == WASI_MODULE,
        hint: "WASI preview 1 has 46 functions, which do not include this one; it may come from WasmEdge's or Wasmer's \
            extensions: build for plain wasm32-wasip1.",
    },
    Origin {
        left_behind: |import| import.module == "wasi_unstable",
        hint: "wasi_unstable is WASI preview 0, from an old toolchain: build again for wasm32-wasip1 with a current one.",
    },
    Origin {
        left_behind: |import| import.module == "wasi" || import.name == "thread-spawn",
        hint: "thread-spawn is there for modules with a shared memory only, and fails, since jobs have one thread: build for \
            wasm32-wasip1.",
    },
    Origin {
        left_behind: |import| import.module.starts_with("wasix"),
        hint: "WASIX runs on Wasmer only: build for wasm32-wasip1.",
    },
    Origin {
        left_behind: |import| import.module.contains(':') || import.name.starts_with("[method]"),
        hint: "These are the imports of a component (WASI preview 2): build for wasm32-wasip1 instead of wasm32-wasip2.",
    },
    Origin {
        left_behind: |import| {
            import.module == "wbg" || import.module.starts_with("__wbindgen") || import.name.starts_with("__wb")
        },
        hint: "wasm-bindgen builds for browsers: build for wasm32-wasip1 without it (crates such as getrandom, chrono and \
               instant bring it in through a feature named js or wasm-bindgen).",
    },
    Origin {
        left_behind: |import| import.module == "gojs" || import.module == "go",
        hint: "This is Go for browsers: build with GOOS=wasip1 GOARCH=wasm (Go 1.21 or later).",
    },
    Origin {
        left_behind: |import| import.module.starts_with("GOT.") || import.name == "__memory_base",
        hint: "This is a shared library: link a program, without -shared or -sSIDE_MODULE.",
    },
    Origin {
        left_behind: |import| import.name == "__linear_memory" || import.name == "__indirect_function_table",
        hint: "This is an object file: link it into a module (wasm-ld, or clang without -c).",
    },
    Origin {
        left_behind: |import| import.module == "env" && ["abort", "seed", "trace"].contains(&import.name.as_str()),
        hint: "Imports such as env.abort come from AssemblyScript: build with @assemblyscript/wasi-shim, or --use \
            abort=.",
    },
    Origin {
        left_behind: |import| {
            import.module == "env"
                && ["emscripten_", "__syscall_", "invoke_", "_emscripten"].iter().any(|p| import.name.starts_with(p))
                || import.module == "a"
        },
        hint: "This is Emscripten's code for browsers: build with -sSTANDALONE_WASM, or with wasi-sdk.",
    },
    Origin {
        left_behind: |import| import.module == "env" && import.ty.starts_with("memory "),
        hint: "A job brings its own memory: link without --import-memory.",
    },
    Origin {
        left_behind: |import| import.module == "env",
        hint: "Imports from env are symbols that the linker did not find: add the C library or object that has them, and \
               do not link with --allow-undefined (Emscripten: use -sSTANDALONE_WASM).",
    },
    Origin {
        left_behind: |_| true,
        hint: "Jobs have the functions of wasi_snapshot_preview1 only: build for wasm32-wasip1, and remove calls to \
            other hosts.",
    },
];

/// One hint for each kind of origin among the missing imports, in the order of the table.
pub(super) fn hints(missing: &[&Import]) -> Vec<&'static str> {
    let mut found = [false; ORIGINS.len()];
    for import in missing {
        if let Some(index) = ORIGINS.iter().position(|origin| (origin.left_behind)(import)) {
            found[index] = true;
        }
    }
    ORIGINS.iter().zip(found).filter(|(_, found)| *found).map(|(origin, _)| origin.hint).collect()
}
