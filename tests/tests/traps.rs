//! Each kind of trap ends a run with code 134 and its own name, leaves what was written before, and is claimed alike on
//! every backend.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_runtime::{Backend, Error, Options, Outcome, Runtime, Tier, Trap};
use bacalhau_tests::{Run, for_each_trap, guests};
use tempfile::TempDir;

macro_rules! has_a_test {
    ($name:ident) => {
        #[expect(unused_imports, reason = "does not compile when the guest has no test")]
        use self::$name as _;
    };
}
for_each_trap!(has_a_test);

macro_rules! traps {
    ($($name:ident = $guest:ident: $trap:ident)*) => {
        $(#[test] fn $name() {
            let ended = Run::of(guests::$guest).end();
            assert_eq!(ended.outcome(), Outcome::Trap(Trap::$trap));
            assert_eq!(ended.text("exitCode"), "134");
            assert_eq!(ended.files(), ["exitCode", "stderr", "stdout"]);
            assert_eq!(ended.text("stderr"), "", "no text of an engine enters a result");
        })*

        const TRAPS: &[&str] = &[$(guests::$guest),*];
    };
}

traps! {
    trap_unreachable = TRAP_UNREACHABLE: Unreachable
    trap_start_section = TRAP_START_SECTION: Unreachable
    trap_memory_load = TRAP_MEMORY_LOAD: MemoryOutOfBounds
    trap_memory_store = TRAP_MEMORY_STORE: MemoryOutOfBounds
    trap_memory_offset = TRAP_MEMORY_OFFSET: MemoryOutOfBounds
    trap_memory_fill = TRAP_MEMORY_FILL: MemoryOutOfBounds
    trap_memory_copy = TRAP_MEMORY_COPY: MemoryOutOfBounds
    trap_memory_data = TRAP_MEMORY_DATA: MemoryOutOfBounds
    trap_table_call = TRAP_TABLE_CALL: TableOutOfBounds
    trap_table_get = TRAP_TABLE_GET: TableOutOfBounds
    trap_table_fill = TRAP_TABLE_FILL: TableOutOfBounds
    trap_null_call = TRAP_NULL_CALL: IndirectCallToNull
    trap_signature = TRAP_SIGNATURE: BadSignature
    trap_integer_overflow = TRAP_INTEGER_OVERFLOW: IntegerOverflow
    trap_division_by_zero = TRAP_DIVISION_BY_ZERO: DivisionByZero
    trap_remainder_by_zero = TRAP_REMAINDER_BY_ZERO: DivisionByZero
    trap_float_too_large = TRAP_FLOAT_TOO_LARGE: IntegerOverflow
    trap_float_nan = TRAP_FLOAT_NAN: BadConversionToInteger
    trap_uncaught_exception = TRAP_UNCAUGHT_EXCEPTION: UncaughtException
    trap_null_exception = TRAP_NULL_EXCEPTION: NullReference
    trap_unaligned_atomic = TRAP_UNALIGNED_ATOMIC: UnalignedAtomic
    trap_atomic_wait = TRAP_ATOMIC_WAIT: WaitOnUnsharedMemory
    trap_atomic_wait_endless = TRAP_ATOMIC_WAIT_ENDLESS: WaitOnUnsharedMemory
}

#[test]
fn fuel_is_claimed_after_every_trap_and_equal_on_every_backend() {
    let backends = [Backend::Optimized, Backend::Baseline, Backend::Unoptimized, Backend::Interpreter];
    let runtimes = backends.map(|backend| Runtime::new(&Options::default().with_tier(Tier::Only(backend))).unwrap());
    for guest in TRAPS {
        let atomic = guest.contains("atomic");
        let claims = runtimes.each_ref().map(|runtime| {
            let results = TempDir::new().unwrap();
            Some(match Run::of(guest).run(runtime, &results.path().join("results")) {
                Ok(receipt) => receipt.claim,
                // The interpreter has none.
                Err(Error::Refused(refusal)) if atomic && refusal.to_string().contains("as interpreter") => {
                    return None;
                }
                Err(error) => panic!("{guest}: {error}"),
            })
        });
        let [Some(optimized), others @ ..] = claims else { panic!("{guest} was not run") };
        assert!(optimized.fuel <= optimized.job.limits.fuel, "{guest}");
        assert_eq!(others.iter().flatten().count(), if atomic { 2 } else { 3 }, "{guest}");
        for other in others.into_iter().flatten() {
            assert_eq!(other, optimized, "{guest}");
        }
    }
}
