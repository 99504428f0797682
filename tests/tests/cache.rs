//! The cache of compiled modules, as processes that share it and people who tamper with it meet it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::fs;
use std::path::Path;
use std::sync::Barrier;

use bacalhau_runtime::{Options, Outcome, Runtime};
use bacalhau_tests::{Run, guests};
use tempfile::TempDir;

fn runtime(cache: &Path) -> Runtime {
    Runtime::new(&Options::default().with_cache_dir(cache)).unwrap()
}

/// Loads a guest and runs it; says whether it was in the cache.
fn use_cache(cache: &Path) -> bool {
    let runtime = runtime(cache);
    let module = runtime.load(&fs::read(guests::STD_READ_WRITE).unwrap()).unwrap();
    let results = TempDir::new().unwrap();
    let receipt = Run::of(guests::STD_READ_WRITE).run(&runtime, &results.path().join("results")).unwrap();
    assert_eq!(receipt.claim.outcome, Outcome::Exit(0));
    module.is_from_cache()
}

#[test]
fn runtimes_that_race_on_it_all_get_their_module() {
    let cache = TempDir::new().unwrap();
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                use_cache(cache.path());
            });
        }
    });
    assert!(use_cache(cache.path()));
    let names: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the key and one entry, nothing half-written: {names:?}");
}

#[test]
fn what_was_tampered_with_is_compiled_again_and_replaced() {
    let cache = TempDir::new().unwrap();
    assert!(!use_cache(cache.path()));
    assert!(use_cache(cache.path()));
    let entry = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path());
    let entry = entry.into_iter().find(|path| !path.ends_with("key")).unwrap();
    let sound = fs::read(&entry).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    for altered in [&sound[..sound.len() / 2], &[], b"\x7fELF", &flipped] {
        fs::write(&entry, altered).unwrap();
        assert!(!use_cache(cache.path()), "not trusted");
        assert!(use_cache(cache.path()), "replaced");
    }
}

#[test]
fn a_place_that_cannot_be_used_is_no_reason_to_fail() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    assert!(!use_cache(&file));
    assert!(!use_cache(&file));
}
