//! Each kind of trap ends a run with code 134 and its own name, leaves what was written before, and is claimed alike on
//! every backend.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_runtime::{Backend, Options, Outcome, Runtime, Trap};
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
}

#[test]
fn fuel_is_claimed_after_every_trap_and_equal_on_every_backend() {
    let backends = [Backend::Optimized, Backend::Unoptimized, Backend::Interpreter];
    let runtimes = backends.map(|backend| Runtime::new(&Options { backend, ..Options::default() }).unwrap());
    for guest in TRAPS {
        let [optimized, unoptimized, interpreter] = runtimes.each_ref().map(|runtime| {
            let results = TempDir::new().unwrap();
            Run::of(guest).run(runtime, &results.path().join("results")).unwrap().claim
        });
        assert!(optimized.fuel <= optimized.job.limits.fuel, "{guest}");
        assert_eq!(optimized, unoptimized, "{guest}");
        assert_eq!(optimized, interpreter, "{guest}");
    }
}
