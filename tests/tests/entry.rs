//! How programs begin, and which ones must not begin at all: with a message that names what is wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_runtime::Outcome;
use bacalhau_tests::{RUNTIME, Run, for_each_entry, for_each_refused, guests, succeed};

macro_rules! has_a_test {
    ($name:ident) => {
        #[expect(unused_imports, reason = "does not compile when the guest has no test")]
        use self::$name as _;
    };
}
for_each_entry!(has_a_test);
for_each_refused!(has_a_test);

succeed! {
    entry_return = ENTRY_RETURN
}

#[test]
fn entry_start_section() {
    assert_eq!(Run::of(guests::ENTRY_START_SECTION).succeed().text("stdout"), "first\nsecond\n");
}

#[test]
fn entry_shared_memory() {
    assert_eq!(Run::of(guests::ENTRY_SHARED_MEMORY).succeed().text("stdout"), "one thread\n");
}

#[test]
fn entry_memory64() {
    assert_eq!(Run::of(guests::ENTRY_MEMORY64).succeed().text("stdout"), "far away\n");
}

#[test]
fn entry_custom() {
    let ended = Run::of(guests::ENTRY_CUSTOM).job(|job| job.entry_point = "compute".into()).succeed();
    assert_eq!(ended.text("stdout"), "initialized\n");
    let ended = Run::of(guests::ENTRY_CUSTOM).end();
    assert_ne!(ended.outcome(), Outcome::Exit(0), "`_start` is its trap");
    let refusal = Run::of(guests::ENTRY_CUSTOM).job(|job| job.entry_point = "absent".into()).refusal();
    assert!(refusal.contains("absent") && refusal.contains("compute"), "{refusal}");
}

/// Declares a test for each guest that is refused: the message has to contain these words.
macro_rules! refused {
    ($($name:ident = $guest:ident: $($word:literal)*)*) => {
        $(#[test] fn $name() {
            let refusal = Run::of(guests::$guest).refusal();
            for word in [$($word),*] {
                assert!(refusal.contains(word), "no {word:?} in: {refusal}");
            }
        })*
    };
}

refused! {
    refused_no_entry = REFUSED_NO_ENTRY: "_start" "run"
    refused_reactor = REFUSED_REACTOR: "_start" "reactor"
    refused_entry_parameters = REFUSED_ENTRY_PARAMETERS: "_start" "parameters"
    refused_entry_is_memory = REFUSED_ENTRY_IS_MEMORY: "_start" "function"
    refused_without_memory = REFUSED_WITHOUT_MEMORY: "memory" "random_get"
    refused_import_unknown = REFUSED_IMPORT_UNKNOWN: "env" "alert"
    refused_import_misspelt = REFUSED_IMPORT_MISSPELT: "fd_wriet"
    refused_import_signature = REFUSED_IMPORT_SIGNATURE: "fd_write" "i32"
    refused_import_memory = REFUSED_IMPORT_MEMORY: "env" "memory"
    refused_import_threads = REFUSED_IMPORT_THREADS: "thread-spawn"
    refused_memory64_of_wasi = REFUSED_MEMORY64_OF_WASI: "64-bit addresses" "random_get"
    refused_page_sizes = REFUSED_PAGE_SIZES: "custom page sizes"
    refused_exceptions = REFUSED_EXCEPTIONS: "legacy exception" "-wasm-use-legacy-eh=false"
    refused_gc = REFUSED_GC: "garbage collection"
    refused_invalid = REFUSED_INVALID: "valid"
}

#[test]
fn a_job_of_v1_is_refused_where_the_module_needs_v2() {
    let refusal = Run::of(guests::TRAP_UNCAUGHT_EXCEPTION).of_v1().refusal();
    assert!(refusal.contains("profile v2") && refusal.contains("--profile v2"), "{refusal}");
    assert!(refusal.contains("exceptions, atomic operators"), "{refusal}");
}

#[test]
fn what_is_no_module_is_refused() {
    let refusal = |bytes: &[u8]| RUNTIME.load(bytes).unwrap_err().to_string();
    assert!(refusal(b"").contains("empty"), "{}", refusal(b""));
    let component = refusal(b"\0asm\x0d\0\x01\0");
    assert!(component.contains("component"), "{component}");
    let script = refusal(b"#!/bin/sh\necho hello\n");
    assert!(script.contains("WebAssembly"), "{script}");
    let program = refusal(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    assert!(program.contains("WebAssembly"), "{program}");
    let cut = refusal(b"\0asm\x01\0\0\0\x01");
    assert!(cut.contains("valid") || cut.contains("end"), "{cut}");
    let text = refusal(b"(module (func (export \"_start\") i32.cosnt 1))");
    assert!(text.contains("i32.cosnt"), "{text}");
}
