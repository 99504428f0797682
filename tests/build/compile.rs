//! Compiles a workspace of guests in Rust. Shared by the build scripts of the tests and of the benchmarks; where guests come
//! from otherwise, and what is written down about them, is theirs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip1";

/// Builds the guests, and says where the modules are.
pub(crate) fn compile(guests: &Path, out: &Path) -> PathBuf {
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
