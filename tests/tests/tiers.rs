//! A large module is run as soon as a quick compiler has it, and better once a good one has. Which of them did it shows
//! in the receipt, and never in the claim.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use bacalhau_runtime::{
    Backend, Error, Inputs, Job, Link, Module, Options, Outcome, Receipt, RefusalKind, Runtime, StartOptimizer, Tier,
    to_binary,
};
use bacalhau_tests::{PATIENCE, Run, guests};
use tempfile::TempDir;

/// A module with some 350 KiB of code whose result depends on all of its functions: integers, floats, memory, a table.
/// `last` is the end of each: what it leaves on the stack is its result.
fn large(last: &str) -> String {
    const FUNCTIONS: i64 = 3500;
    let mut text = String::from(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 2)
        (type $f (func (param i32 i64) (result i64)))
        (func $mix (type $f) (i64.xor (local.get 1) (i64.extend_i32_u (local.get 0))))"#,
    );
    for n in 0..FUNCTIONS {
        let odd = n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()) | 1;
        writeln!(
            text,
            "(func $f{n} (type $f) (local $x f64) (local $i i32)
               (local.set $x (f64.convert_i64_s (local.get 1)))
               (loop $l
                 (local.set 1 (i64.add (i64.mul (local.get 1) (i64.const {odd})) (i64.const {n})))
                 (local.set $x (f64.div (f64.add (local.get $x) (f64.const {n}.5)) (f64.sqrt (local.get $x))))
                 (i64.store (i32.and (i32.wrap_i64 (local.get 1)) (i32.const 0xfff8)) (i64.reinterpret_f64 (local.get $x)))
                 (local.set $i (i32.add (local.get $i) (i32.const 1)))
                 (br_if $l (i32.lt_u (local.get $i) (i32.const {}))))
               (local.get 0)
               (i64.add (local.get 1) (i64.load (i32.and (local.get $i) (i32.const 0xfff8))))
               {last})",
            n % 7 + 2,
        )
        .unwrap();
    }
    let names: String = (0..FUNCTIONS).map(|n| format!(" $f{n}")).collect();
    write!(
        text,
        r#"(table funcref (elem {names}))
        (func (export "_start") (local $i i32) (local $sum i64)
          (loop $l
            (local.set $sum (call_indirect (type $f) (local.get $i) (local.get $sum) (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const {FUNCTIONS}))))
          (i64.store (i32.const 65552) (local.get $sum))
          (i32.store (i32.const 65536) (i32.const 65552))
          (i32.store (i32.const 65540) (i32.const 8))
          (drop (call $write (i32.const 1) (i32.const 65536) (i32.const 1) (i32.const 65544))))
        (func (export "forever") (loop $l (br $l))))"#
    )
    .unwrap();
    text
}

/// Without anything that the quick compiler lacks.
fn plain() -> String {
    large("call $mix")
}

fn runtime(cache: &Path, tier: Tier) -> Runtime {
    Runtime::new(&Options::default().with_cache_dir(cache).with_tier(tier)).unwrap()
}

fn run(runtime: &Runtime, module: &Module) -> Receipt {
    let results = TempDir::new().unwrap();
    let job = Job::new(module.cid());
    runtime.run(module, &job, &Inputs::new(), &results.path().join("results"), PATIENCE).unwrap()
}

/// How many compiled modules there are, beside the key.
fn entries(cache: &Path) -> usize {
    fs::read_dir(cache).unwrap().count() - 1
}

#[test]
fn a_large_module_is_compiled_twice_and_every_run_comes_to_the_same() {
    let cache = TempDir::new().unwrap();
    let auto = runtime(cache.path(), Tier::Auto);
    let module = auto.load(plain().as_bytes()).unwrap();
    assert!(!module.is_from_cache());
    let first = run(&auto, &module);
    module.settle();
    assert_eq!(entries(cache.path()), 2, "the quick form and the good one");
    assert_eq!(module.backend(), Backend::Optimized);
    let later = run(&auto, &module);
    assert_eq!(later.unclaimed.backend, "optimized");
    assert_eq!(later.claim, first.claim);
    assert_eq!(first.claim.outcome, Outcome::Exit(0));
    for backend in [Backend::Baseline, Backend::Unoptimized, Backend::Interpreter] {
        let runtime = runtime(cache.path(), Tier::Only(backend));
        let receipt = run(&runtime, &runtime.load(plain().as_bytes()).unwrap());
        assert_eq!(receipt.unclaimed.backend, backend.name());
        assert_eq!(receipt.claim, first.claim, "{backend:?}");
    }
}

#[test]
fn the_best_form_in_the_cache_is_taken_and_a_better_one_added() {
    let cache = TempDir::new().unwrap();
    let load = |tier| runtime(cache.path(), tier).load(plain().as_bytes()).unwrap();
    let baseline = Tier::Only(Backend::Baseline);
    assert!(!load(baseline).is_from_cache());
    assert_eq!(entries(cache.path()), 1);
    let module = load(Tier::Auto);
    assert!(module.is_from_cache(), "the quick form is good enough to begin with");
    module.settle();
    assert_eq!((module.backend(), entries(cache.path())), (Backend::Optimized, 2));
    let module = load(Tier::Auto);
    assert_eq!((module.is_from_cache(), module.backend()), (true, Backend::Optimized));
    let module = load(baseline);
    assert_eq!((module.is_from_cache(), module.backend()), (true, Backend::Baseline));
}

#[test]
fn what_the_quick_compiler_does_not_take_is_compiled_by_the_good_one() {
    let tail_calls = large("return_call $mix");
    for tier in [Tier::Auto, Tier::Only(Backend::Baseline)] {
        let cache = TempDir::new().unwrap();
        for temperature in ["cold", "warm"] {
            let runtime = runtime(cache.path(), tier);
            let module = runtime.load(tail_calls.as_bytes()).unwrap();
            assert_eq!((module.is_from_cache(), module.backend()), (temperature == "warm", Backend::Optimized));
            assert_eq!(run(&runtime, &module).claim.outcome, Outcome::Exit(0));
            module.settle();
            assert_eq!(entries(cache.path()), 1);
        }
    }
}

#[test]
fn the_code_decides_and_not_the_length_of_the_file() {
    let cache = TempDir::new().unwrap();
    let data = "x".repeat(1 << 20);
    let text = format!(r#"(module (memory 17) (data (i32.const 0) "{data}") (func (export "_start")))"#);
    let module = runtime(cache.path(), Tier::Auto).load(text.as_bytes()).unwrap();
    assert_eq!((module.backend(), entries(cache.path())), (Backend::Optimized, 1));
}

/// What was given to `hand_over`, by the cache that it is for.
static HANDED_OVER: Mutex<Vec<(PathBuf, Vec<u8>)>> = Mutex::new(Vec::new());

fn hand_over(_: Link, mut module: File, cache: &Path) -> io::Result<()> {
    let mut bytes = Vec::new();
    module.read_to_end(&mut bytes)?;
    HANDED_OVER.lock().unwrap().push((cache.into(), bytes));
    Ok(())
}

#[test]
fn a_module_that_is_used_again_is_handed_over_where_the_embedder_wants_it() {
    let cache = TempDir::new().unwrap();
    let options = Options::default().with_cache_dir(cache.path()).with_optimizer(StartOptimizer::new(hand_over));
    let text = plain();
    let binary = to_binary(text.as_bytes(), u64::MAX).unwrap();
    let handed_over = || HANDED_OVER.lock().unwrap().iter().filter(|(dir, _)| dir == cache.path()).count();
    let load = || {
        let runtime = Runtime::new(&options).unwrap();
        (runtime.load(&binary).unwrap(), runtime)
    };
    let (module, _) = load();
    assert_eq!((module.backend(), handed_over()), (Backend::Baseline, 0), "the first time nobody knows of a second");
    let (module, runtime) = load();
    let again = runtime.load(&binary).unwrap();
    assert_eq!((module.backend(), again.backend(), handed_over()), (Backend::Baseline, Backend::Baseline, 1));
    assert_eq!(HANDED_OVER.lock().unwrap().iter().find(|(dir, _)| dir == cache.path()).unwrap().1, *binary);
    assert_eq!(entries(cache.path()), 1, "nothing is left of it");
    assert!(runtime.optimize(&*binary).unwrap());
    assert_eq!((module.backend(), entries(cache.path())), (Backend::Optimized, 2), "another process has made it");
    load();
    assert_eq!(handed_over(), 1);
}

#[test]
fn what_cannot_be_optimised_is_tried_three_times() {
    let cache = TempDir::new().unwrap();
    let runtime = runtime(cache.path(), Tier::Auto);
    let nothing = b"\0asm\x01\0\0\0\x0b";
    for _ in 0..3 {
        assert!(matches!(runtime.optimize(&nothing[..]), Err(Error::Refused(_))));
    }
    assert!(!runtime.optimize(&nothing[..]).unwrap());
}

#[test]
fn a_module_that_ran_for_long_is_optimised_before_it_runs_again() {
    let cache = TempDir::new().unwrap();
    let results = TempDir::new().unwrap();
    let first = runtime(cache.path(), Tier::Auto);
    let module = first.load(plain().as_bytes()).unwrap();
    let mut job = Job::new(module.cid());
    job.entry_point = "forever".into();
    let long = Duration::from_secs(1);
    first.run(&module, &job, &Inputs::new(), &results.path().join("results"), long).unwrap_err();
    let module = runtime(cache.path(), Tier::Auto).load(plain().as_bytes()).unwrap();
    assert_eq!((module.backend(), entries(cache.path())), (Backend::Optimized, 2));
}

/// A valid module that is beyond what the engine's compilers take: a switch with more cases.
fn beyond_the_engine() -> String {
    format!(r#"(module (func (export "_start") (block (br_table {} (i32.const 0)))))"#, "0 ".repeat(1 << 17))
}

#[test]
fn what_no_compiler_takes_is_refused_and_no_failure_of_the_host() {
    let backends = [Backend::Optimized, Backend::Baseline, Backend::Unoptimized, Backend::Interpreter];
    for tier in backends.map(Tier::Only).into_iter().chain([Tier::Auto]) {
        let runtime = Runtime::new(&Options::default().with_tier(tier)).unwrap();
        let Err(Error::Refused(refusal)) = runtime.load(beyond_the_engine().as_bytes()) else { panic!("{tier:?}") };
        assert!(matches!(refusal.kind(), RefusalKind::Bound(_)), "{refusal}");
        let words = refusal.to_string();
        assert!(words.contains("targets of br_table in a function: 131071, and the limit is 70000"), "{words}");
    }
}

#[test]
fn a_small_module_is_compiled_once() {
    let cache = TempDir::new().unwrap();
    let runtime = runtime(cache.path(), Tier::Auto);
    let results = TempDir::new().unwrap();
    let receipt = Run::of(guests::STD_READ_WRITE).run(&runtime, &results.path().join("results")).unwrap();
    assert_eq!((receipt.unclaimed.backend.as_str(), entries(cache.path())), ("optimized", 1));
}

#[test]
fn a_module_that_is_loaded_many_times_is_optimised_once() {
    let cache = TempDir::new().unwrap();
    let runtime = runtime(cache.path(), Tier::Auto);
    let text = plain();
    let modules: Vec<_> = (0..4).map(|_| runtime.load(text.as_bytes()).unwrap()).collect();
    for module in &modules {
        module.settle();
        assert_eq!(module.backend(), Backend::Optimized);
    }
    assert_eq!(entries(cache.path()), 2);
}
