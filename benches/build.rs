//! Builds the guests of the benchmark `metering`, and records their names and paths.
//! `tests/build.rs` does the same for the guests of the tests.
#![allow(clippy::expect_used, reason = "a build script that cannot go on has to say so and stop")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

#[path = "../tests/build/compile.rs"]
mod compile;
use compile::compile;

fn main() {
    let guests = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("guests");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../tests/build/compile.rs");
    for watched in ["src", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed=guests/{watched}");
    }
    let modules = compile(&guests, &out);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(guests.join("src/bin")).expect("the directory of guests can be read") {
        let source = entry.expect("the directory of guests can be read").path();
        let name = source.file_stem().and_then(|stem| stem.to_str()).expect("a guest has a name").to_string();
        let module = modules.join(&name).with_extension("wasm");
        assert!(module.is_file(), "the guest {} has no module at {}", source.display(), module.display());
        found.insert(name, module);
    }
    let text = format!(
        "/// The guests by name, and where their modules are.\npub const GUESTS: &[(&str, &str)] = &{:?};\n",
        found.iter().collect::<Vec<_>>()
    );
    fs::write(out.join("guests.rs"), text).expect("OUT_DIR is writable");
}
