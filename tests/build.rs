//! Builds the guests and writes down, for the tests, where each one is: a constant for its path, and for each group (the
//! name up to the first `_`) a macro `for_each_GROUP!`, with which a test file makes sure that it tests all of them.
#![allow(clippy::expect_used, reason = "a build script that cannot go on has to say so and stop")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "build/compile.rs"]
mod compile;
use compile::compile;

fn main() {
    let guests = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("guests");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/compile.rs");
    for watched in ["src", "wat", "c", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed=guests/{watched}");
    }
    let mut found = Guests::new();
    add(&mut found, &guests.join("wat"), "wat", &guests.join("wat"), "wat");
    add(&mut found, &guests.join("c"), "c", &guests.join("c"), "wasm");
    add(&mut found, &guests.join("src/bin"), "rs", &compile(&guests, &out), "wasm");
    fs::write(out.join("guests.rs"), table(&found)).expect("OUT_DIR is writable");
}

/// Groups, and in each the names and paths of its guests.
type Guests = BTreeMap<String, BTreeMap<String, PathBuf>>;

/// Adds the guest of each source file in `sources`, whose module is in `modules`.
fn add(found: &mut Guests, sources: &Path, source_ext: &str, modules: &Path, module_ext: &str) {
    for entry in fs::read_dir(sources).expect("the directory of guests can be read") {
        let source = entry.expect("the directory of guests can be read").path();
        if source.extension().is_none_or(|ext| ext != source_ext) {
            continue;
        }
        let name = source.file_stem().and_then(|stem| stem.to_str()).expect("a guest has a name").to_string();
        let group = name.split('_').next().unwrap_or_default().to_string();
        let module = modules.join(&name).with_extension(module_ext);
        assert!(module.is_file(), "the guest {} has no module at {}", source.display(), module.display());
        let twin = found.entry(group).or_default().insert(name, module);
        assert!(twin.is_none(), "two guests have the name of {}", source.display());
    }
}

fn table(guests: &Guests) -> String {
    let mut text = String::from("// Written by build.rs.\n");
    let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes everything");
    for (group, guests) in guests {
        for (name, path) in guests {
            let path = path.to_str().expect("the checkout has a path in UTF-8");
            line(&format!("/// The guest `{name}`.\npub const {}: &str = {path:?};", name.to_uppercase()));
        }
        let calls = guests.keys().map(|name| format!("$test!({name});")).collect::<Vec<_>>().join(" ");
        line("/// Names every guest of the group, for the test file that is about them.");
        line(&format!("#[macro_export]\nmacro_rules! for_each_{group} {{ ($test:ident) => {{ {calls} }}; }}"));
    }
    text
}
