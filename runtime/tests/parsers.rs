//! What comes from strangers: modules and receipts. Whatever the bytes are, the answer is a value or a refusal with words.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test makes files of its own")]

use std::time::Duration;

use bacalhau_runtime::{Inputs, Job, Options, Receipt, Runtime, describe, inspect, to_binary};
use proptest::prelude::*;

const MOST: u64 = 1 << 20;

/// A module with a bit of everything that jobs may have.
const SOUND: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1 2)
    (table 3 funcref)
    (global $g (mut f64) (f64.const 1.5))
    (elem (i32.const 0) $exit)
    (data (i32.const 8) "data")
    (func $f (param i32) (result i32 v128)
        (local i64)
        (block (result i32 v128)
            (br_if 0 (local.get 0) (v128.const i64x2 1 2) (local.get 0))))
    (func (export "_start")
        (drop (drop (call $f (i32.const 3))))
        (loop (br_if 0 (i32.eqz (i32.const 1))))
        (global.set $g (f64.div (f64.const 0) (f64.const 0)))
        (call_indirect (param i32) (i32.const 0) (i32.const 0))))"#;

fn look(bytes: &[u8]) {
    match to_binary(bytes, MOST) {
        Ok(binary) => {
            let described = describe(&binary, MOST);
            if let Ok(inspection) = inspect(&binary, MOST) {
                assert_eq!(described.unwrap(), inspection, "what is accepted can be described");
            }
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        look(&bytes);
        look(&[b"\0asm\x01\0\0\0", bytes.as_slice()].concat());
        prop_assert!(Receipt::parse(&bytes).is_err());
    }

    #[test]
    fn any_text(text in "[(;][ -~\n]{0,80}") {
        look(text.as_bytes());
    }

    /// A damaged module is refused, or else it is one that can be compiled and run to some end.
    #[test]
    fn damaged_modules(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let sound = wat::parse_str(SOUND).unwrap();
        let mut damaged = sound.clone();
        damaged[at.index(sound.len())] = byte;
        look(&damaged);
        look(&sound[..cut.index(sound.len())]);
        let runtime = Runtime::new(&Options::default()).unwrap();
        if let Ok(module) = runtime.load(&damaged) {
            let mut job = Job::new(module.cid());
            job.limits.fuel = 1_000_000;
            let place = tempfile::tempdir().unwrap();
            let ended = runtime.execute(&module, &job, &Inputs::new(), place.path(), Duration::from_mins(1));
            match ended {
                Ok(_) | Err(bacalhau_runtime::Error::Refused(_)) => {}
                Err(error) => prop_assert!(false, "a program made the host fail: {error}"),
            }
        }
    }
}
