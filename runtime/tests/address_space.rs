//! Programs run where addresses are scarce or signals are not handled, with the same claim.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test, unlike the library, looks at the host")]

use std::process::Command;
use std::time::Duration;

use bacalhau_runtime::{AddressSpace, Claim, Inputs, Job, Options, Runtime};
use tempfile::TempDir;

/// Grows its memory beyond what is reserved, uses the last byte and is stopped at the byte after it.
const GROWS: &str = r#"(module
    (memory (export "memory") 1 1000)
    (func (export "_start")
        (i32.store (i32.const 65532) (i32.const 77))
        (if (i32.ne (memory.grow (i32.const 700)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load (i32.const 65532)) (i32.const 77)) (then unreachable))
        (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 1))
        (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 3)) (i32.const 1))))"#;

fn claim(address_space: AddressSpace) -> Claim {
    claim_of(GROWS, &Options::default().with_address_space(address_space))
}

fn claim_of(source: &str, options: &Options) -> Claim {
    let place = TempDir::new().unwrap();
    let runtime = Runtime::new(options).unwrap();
    let module = runtime.load(source.as_bytes()).unwrap();
    let job = Job::new(module.cid());
    runtime.run(&module, &job, &Inputs::new(), &place.path().join("results"), Duration::from_mins(1)).unwrap().claim
}

#[test]
fn claims_do_not_depend_on_reserved_addresses() {
    let (large, small) = (claim(AddressSpace::Large), claim(AddressSpace::Small));
    assert_eq!(large, small);
    assert_eq!(large.outcome.to_string(), "trap: memory access out of bounds");
}

#[test]
fn claims_do_not_depend_on_signal_handlers() {
    let program = |body: &str| {
        format!(
            r#"(module (type $f (func)) (type $g (func (param i32))) (table 2 funcref) (elem (i32.const 0) $f)
                (memory (export "memory") 1) (func $f) (func (export "_start") {body}))"#
        )
    };
    let cases = [
        (GROWS.to_owned(), "trap: memory access out of bounds"),
        (program("(drop (i32.div_s (i32.const 1) (i32.load (i32.const 0))))"), "trap: integer division by zero"),
        (program("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))"), "trap: integer overflow"),
        (program("(drop (i32.trunc_f32_s (f32.const nan)))"), "trap: float out of the integer's range"),
        (program("(call_indirect (type $f) (i32.const 1))"), "trap: indirect call to null"),
        (program("(call_indirect (type $f) (i32.const 9))"), "trap: table access out of bounds"),
        (
            program("(call_indirect (type $g) (i32.const 0) (i32.const 0))"),
            "trap: indirect call with another signature",
        ),
        (program("unreachable"), "trap: unreachable (an abort or a panic)"),
        (program(""), "exit 0"),
    ];
    for (source, outcome) in &cases {
        let with = claim_of(source, &Options::default());
        assert_eq!(with.outcome.to_string(), *outcome, "{source}");
        for address_space in [AddressSpace::Large, AddressSpace::Small] {
            let options = Options::default().with_signal_handlers(false).with_address_space(address_space);
            assert_eq!(claim_of(source, &options), with, "{source}");
        }
    }
}

/// In a process of its own, whose limit is not that of other tests.
#[test]
fn a_program_runs_with_four_gigabytes_of_addresses() {
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 4000000 && exec \"$@\"", "sh"]).arg(this);
    let output = command.args(["--exact", "within_the_limit", "--ignored", "--nocapture"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "a_program_runs_with_four_gigabytes_of_addresses runs it"]
fn within_the_limit() {
    assert_eq!(claim(AddressSpace::Auto).outcome.to_string(), "trap: memory access out of bounds");
}
