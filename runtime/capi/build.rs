//! The name under which programs find the shared library when they start: that of its ABI.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "linux" {
        // The major number of `BH_ABI_VERSION`.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libbacalhau_runtime.so.1");
        // Its threads and handlers of signals outlive the last `dlclose`, so it stays loaded.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
