//! Core modules of one component that share memories, tables, globals and functions, and run code when they are instantiated.

use super::driver;
use super::worlds::{IMPORTS, LIBRARY};

/// The bodies of components, by name. Each defines an instance `$m` whose `transcript` returns the log.
pub(crate) const CASES: [(&str, &str); 6] = [
    (
        "one module twice",
        r#"(core module $Counter
            (memory (export "memory") 1) (global $n (export "n") (mut i32) (i32.const 5))
            (data (i32.const 8) "\2a")
            (func (export "next") (result i32)
                (global.set $n (i32.add (global.get $n) (i32.const 1)))
                (i32.store8 (i32.const 8) (i32.add (i32.load8_u (i32.const 8)) (i32.const 1)))
                (i32.add (i32.load8_u (i32.const 8)) (i32.mul (i32.const 1000) (global.get $n)))))
        (core instance $one (instantiate $Counter)) (core instance $two (instantiate $Counter))
        (core module $M {IMPORTS}
            (import "one" "next" (func $one (result i32))) (import "two" "next" (func $two (result i32)))
            (import "one" "n" (global $n (mut i32)))
            (func (export "transcript") (result i32)
                (call $put (call $one)) (call $put (call $one)) (call $put (call $two)) (call $put (call $one))
                (global.set $n (i32.const 90)) (call $put (call $one)) (call $put (call $two))
                (call $all (i32.const 0)) (i32.const 0)))
        (core instance $m (instantiate $M (with "l" (instance $l)) (with "one" (instance $one)) (with "two" (instance $two))))"#,
    ),
    (
        "a shared table that grows before a later segment",
        r#"(core module $Table (table (export "table") 2 funcref) (type $f (func (result i32)))
            (func $a (result i32) (i32.const 11)) (elem (i32.const 0) $a))
        (core instance $t (instantiate $Table))
        (core module $Grow (import "t" "table" (table $t 2 funcref))
            (func $start (drop (table.grow $t (ref.null func) (i32.const 3)))) (start $start))
        (core instance $g (instantiate $Grow (with "t" (instance $t))))
        (core module $Late (import "t" "table" (table 5 funcref))
            (global (export "base") i32 (i32.const 3))
            (func $b (result i32) (i32.const 22)) (elem (i32.const 4) $b))
        (core module $M {IMPORTS} (import "t" "table" (table $t 2 funcref))
            (import "base" "base" (global $base i32)) (type $f (func (result i32)))
            (func $c (result i32) (i32.const 33)) (elem (global.get $base) $c)
            (global $again i32 (global.get $base))
            (func (export "transcript") (result i32)
                (call $put (table.size $t)) (call $put (call_indirect (type $f) (i32.const 0)))
                (call $put (call_indirect (type $f) (i32.const 3))) (call $put (global.get $again))
                (call $all (i32.const 0)) (i32.const 0)))
        (core module $Base (global (export "base") i32 (i32.const 3)))
        (core instance $base (instantiate $Base))
        (core instance $m (instantiate $M (with "l" (instance $l)) (with "t" (instance $t)) (with "base" (instance $base))))"#,
    ),
    (
        "start functions run in order",
        r#"(core module $One {IMPORTS} (global $n (export "n") (mut i32) (i32.const 1))
            (func $start (call $put (global.get $n)) (call $put (i32.load (i32.const 512)))
                (i32.store (i32.const 512) (i32.const 7))) (start $start))
        (core instance $one (instantiate $One (with "l" (instance $l))))
        (core module $Two {IMPORTS} (import "one" "n" (global $n (mut i32)))
            (data (i32.const 512) "\09\00\00\00")
            (func $start (call $put (i32.const 2)) (call $put (i32.load (i32.const 512)))
                (global.set $n (i32.const 40))) (start $start))
        (core instance $two (instantiate $Two (with "l" (instance $l)) (with "one" (instance $one))))
        (core module $M {IMPORTS} (import "one" "n" (global $n (mut i32)))
            (func $start (call $put (global.get $n))) (start $start)
            (func (export "transcript") (result i32)
                (call $put (i32.load (i32.const 512))) (call $all (i32.const 0)) (i32.const 0)))
        (core instance $m (instantiate $M (with "l" (instance $l)) (with "one" (instance $one))))"#,
    ),
    (
        "a segment of a later module is not there yet",
        r#"(core module $Early {IMPORTS} (func $start (call $put (i32.load (i32.const 600)))) (start $start))
        (core instance $early (instantiate $Early (with "l" (instance $l))))
        (core module $M {IMPORTS} (memory $own 1)
            (data (memory 0) (i32.const 600) "\01\02\03\04") (data (memory $own) (i32.const 4) "own!") (data $later "pass")
            (func (export "transcript") (result i32)
                (call $put (i32.load (i32.const 600))) (call $put (i32.load $own (i32.const 4)))
                (memory.init $own $later (i32.const 8) (i32.const 0) (i32.const 4))
                (call $put (i32.load $own (i32.const 8))) (call $put (memory.size $own))
                (memory.copy 0 $own (i32.const 700) (i32.const 4) (i32.const 8)) (call $put (i32.load (i32.const 704)))
                (call $all (i32.const 0)) (i32.const 0)))
        (core instance $m (instantiate $M (with "l" (instance $l))))"#,
    ),
    (
        "functions that are handed on",
        r#"(core module $Three (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3))))
        (core instance $three (instantiate $Three))
        (core module $Again (import "x" "f" (func $f (param i32) (result i32))) (export "g" (func $f))
            (global (export "r") funcref (ref.func $f)))
        (core instance $again (instantiate $Again (with "x" (instance (export "f" (func $three "f"))))))
        (core module $M {IMPORTS} (import "y" "g" (func $g (param i32) (result i32))) (import "y" "r" (global $r funcref))
            (table $t 2 funcref) (type $u (func (param i32) (result i32)))
            (func $h (export "h") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (func (export "transcript") (result i32)
                (table.set $t (i32.const 0) (global.get $r)) (table.set $t (i32.const 1) (ref.func $h))
                (call $put (call $g (i32.const 5))) (call $put (call_indirect $t (type $u) (i32.const 6) (i32.const 0)))
                (call $put (call_indirect $t (type $u) (i32.const 6) (i32.const 1)))
                (call $all (i32.const 0)) (i32.const 0)))
        (core instance $m (instantiate $M (with "l" (instance $l)) (with "y" (instance $again))))"#,
    ),
    (
        "a trap before the program begins",
        r#"(core module $Early (func $start unreachable) (start $start))
        (core instance $early (instantiate $Early))
        (core module $M {IMPORTS} (func (export "transcript") (result i32) (call $all (i32.const 0)) (i32.const 0)))
        (core instance $m (instantiate $M (with "l" (instance $l))))"#,
    ),
];

pub(crate) fn world(body: &str) -> String {
    let body = body.replace("{IMPORTS}", IMPORTS);
    format!(
        "(component {}\n(component $C {LIBRARY}\n{body}\n(func (export \"transcript\") (result (list u8)) (canon lift (core \
         func $m \"transcript\") (memory $memory))))\n(instance $c (instantiate $C))\n{})",
        driver::IMPORTS,
        driver::run("(func $c \"transcript\")"),
    )
}
