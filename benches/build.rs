//! Builds the guests of the benchmark `metering`, and writes down for it what they are called and where each one is.
//! `tests/build.rs` does the same for the guests of the tests.
#![allow(clippy::expect_used, reason = "a build script that cannot go on has to say so and stop")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-wasip1";

fn main() {
    let guests = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("guests");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=build.rs");
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

/// Builds the guests, and says where the modules are.
fn compile(guests: &Path, out: &Path) -> PathBuf {
    require_target();
    let target_dir = out.join("guests");
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets it"));
    cargo.args(["build", "--release", "--locked", "--target", TARGET]).current_dir(guests);
    // What is set for the machine's own programs, or by clippy and coverage, is not meant for guests.
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        let foreign = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"];
        if foreign.contains(&name.as_ref()) || name.starts_with("CARGO_BUILD_") || name.starts_with("CARGO_PROFILE_") {
            cargo.env_remove(&key);
        }
    }
    cargo.env("CARGO_TARGET_DIR", &target_dir);
    let output = cargo.output().expect("cargo can be started");
    assert!(output.status.success(), "the guests do not compile:\n{}", String::from_utf8_lossy(&output.stderr));
    target_dir.join(TARGET).join("release")
}

/// Installs the target where it is missing, or says how to.
fn require_target() {
    if has_target() {
        return;
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status().is_ok_and(|status| status.success());
    assert!(
        added && has_target(),
        "the guests need the target {TARGET}, and it could not be installed. Run:\n\n    rustup target add {TARGET}\n"
    );
}

fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").expect("cargo sets it");
    let printed = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    printed.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
