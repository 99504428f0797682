//! Every case, on every engine of this machine: equal claims.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_conformance::{Backend, Case};

#[test]
fn smoke() {
    let case = Case { stack_slots: 1 << 20, ..Case::new("deep", wat::parse_str("(module (memory (export \"m\") 1) (func $f (export \"run\") (result i32) (i32.add (i32.const 1) (call $f))))").unwrap()) };
    let wasm = case.instrumented().unwrap();
    for backend in Backend::all() {
        let claim = backend.compile(&wasm).unwrap().run(&case);
        eprintln!("{} {}", backend.name, claim.line());
    }
    eprintln!("{:?}", Backend::missing());
}
