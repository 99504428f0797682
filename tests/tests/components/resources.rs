//! Worlds with resources: an owner that defines one, a middle that only borrows it, and a caller.

use super::driver;
use super::worlds::{IMPORTS, LIBRARY};

/// A world, by what its caller does. The answer of each call is logged.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Whether the middle gives back what it borrows.
    pub(crate) gives_back: bool,
    pub(crate) caller: &'static str,
}

/// `make` answers with a handle, `get` with the number of one, `peek` with that and the handle of the middle, `pair` with two
/// new handles.
pub(crate) const CASES: [Case; 11] = [
    Case {
        name: "numbers of handles",
        gives_back: true,
        caller: "(call $put (call $make (i32.const 7))) (call $put (call $make (i32.const 8)))
            (call $put (call $make (i32.const 9))) (call $drop (i32.const 2)) (call $drop (i32.const 1))
            (call $put (call $make (i32.const 10))) (call $put (call $make (i32.const 11)))
            (call $put (call $make (i32.const 12))) (call $put (call $get (i32.const 2)))",
    },
    Case {
        name: "what is owned moves",
        gives_back: true,
        caller: "(call $put (call $make (i32.const 7))) (call $put (call $make (i32.const 8)))
            (call $consume (i32.const 1)) (call $put (call $make (i32.const 9))) (call $put (call $get (i32.const 1)))",
    },
    Case {
        name: "several in one value",
        gives_back: true,
        caller:
            "(call $pair (i32.const 64)) (call $put (i32.load (i32.const 64))) (call $put (i32.load (i32.const 68)))
            (call $put (call $get (i32.const 2))) (call $drop (i32.const 2)) (call $drop (i32.const 1))",
    },
    Case {
        name: "what is borrowed comes back",
        gives_back: true,
        caller: "(call $put (call $make (i32.const 7))) (call $put (call $peek (i32.const 1)))
            (call $put (call $peek (i32.const 1))) (call $drop (i32.const 1))",
    },
    Case {
        name: "what is borrowed is kept",
        gives_back: false,
        caller: "(drop (call $peek (call $make (i32.const 7))))",
    },
    Case { name: "an unknown handle", gives_back: true, caller: "(drop (call $get (i32.const 1)))" },
    Case {
        name: "a handle that was dropped",
        gives_back: true,
        caller: "(call $drop (call $make (i32.const 7))) (drop (call $get (i32.const 1)))",
    },
    Case {
        name: "a handle that was dropped twice",
        gives_back: true,
        caller: "(call $drop (call $make (i32.const 7))) (call $drop (i32.const 1))",
    },
    Case {
        name: "a handle that was given away",
        gives_back: true,
        caller: "(call $consume (call $make (i32.const 7))) (call $consume (i32.const 1))",
    },
    Case {
        name: "lent and given away in one call",
        gives_back: true,
        caller: "(drop (call $make (i32.const 7))) (call $both (i32.const 1) (i32.const 1))",
    },
    Case {
        name: "lent and another one given away",
        gives_back: true,
        caller: "(drop (call $make (i32.const 7))) (drop (call $make (i32.const 8)))
            (call $both (i32.const 2) (i32.const 1)) (call $drop (i32.const 2))",
    },
];

/// The owner: its destructor logs.
const OWNER: &str = r#"
    (core module $Destructor (import "l" "put" (func $put (param i32)))
        (func (export "dtor") (param i32) (call $put (i32.const 0x64)) (call $put (local.get 0))))
    (core instance $d (instantiate $Destructor (with "l" (instance $l))))
    (type $r (resource (rep i32) (dtor (func $d "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core func $drop (canon resource.drop $r))
    (core instance $m (instantiate $M (with "l" (instance $l)) (with "r" (instance
        (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
    (export $x "r" (type $r))
    (func (export "make") (param "n" u32) (result (own $x)) (canon lift (core func $m "make")))
    (func (export "get") (param "self" (borrow $x)) (result u32) (canon lift (core func $m "get")))
    (func (export "consume") (param "it" (own $x)) (canon lift (core func $m "consume")))
    (func (export "both") (param "lent" (borrow $x)) (param "given" (own $x)) (canon lift (core func $m "both")))
    (func (export "pair") (result (tuple (own $x) (own $x))) (canon lift (core func $m "pair") (memory $memory)))
    (func (export "all") (result (list u8)) (canon lift (core func $m "all") (memory $memory))))"#;

const OWNER_CODE: &str = r#"
    (import "r" "new" (func $new (param i32) (result i32)))
    (import "r" "rep" (func $rep (param i32) (result i32)))
    (import "r" "drop" (func $drop (param i32)))
    (func (export "make") (param i32) (result i32)
        (local.set 0 (call $new (i32.mul (local.get 0) (i32.const 100)))) (call $put (local.get 0)) (local.get 0))
    (func (export "get") (param i32) (result i32) (call $put (local.get 0)) (i32.div_u (local.get 0) (i32.const 100)))
    (func $consume (export "consume") (param i32)
        (call $put (local.get 0)) (call $put (call $rep (local.get 0))) (call $drop (local.get 0)))
    (func (export "both") (param i32 i32) (call $put (local.get 0)) (call $consume (local.get 1)))
    (func (export "pair") (result i32)
        (i32.store (i32.const 32) (call $new (i32.const 100))) (i32.store (i32.const 36) (call $new (i32.const 200)))
        (i32.const 32))
    (func (export "all") (result i32) (call $all (i32.const 0)) (i32.const 0)))"#;

pub(crate) fn world(case: &Case) -> String {
    let drop = if case.gives_back { "(call $drop (local.get 0))" } else { "" };
    let caller = case.caller;
    let transcript = driver::run("(func $caller \"transcript\")");
    format!(
        r#"(component
{driver}
(component $Owner {LIBRARY}
    (core module $M {IMPORTS} {OWNER_CODE}
    {OWNER}
(component $Middle
    (import "owner" (instance $owner
        (export "r" (type $r (sub resource))) (export "get" (func (param "self" (borrow $r)) (result u32)))))
    (alias export $owner "r" (type $r))
    (core func $get (canon lower (func $owner "get")))
    (core func $drop (canon resource.drop $r))
    (core module $M
        (import "r" "get" (func $get (param i32) (result i32)))
        (import "r" "drop" (func $drop (param i32)))
        (func (export "peek") (param i32) (result i32)
            (i32.add (call $get (local.get 0)) (i32.mul (local.get 0) (i32.const 1000))) {drop}))
    (core instance $m (instantiate $M (with "r" (instance (export "get" (func $get)) (export "drop" (func $drop))))))
    (func (export "peek") (param "self" (borrow $r)) (result u32) (canon lift (core func $m "peek"))))
(component $Caller
    (import "owner" (instance $owner
        (export "r" (type $r (sub resource)))
        (export "make" (func (param "n" u32) (result (own $r))))
        (export "get" (func (param "self" (borrow $r)) (result u32)))
        (export "consume" (func (param "it" (own $r))))
        (export "both" (func (param "lent" (borrow $r)) (param "given" (own $r))))
        (export "pair" (func (result (tuple (own $r) (own $r)))))
        (export "all" (func (result (list u8))))))
    (alias export $owner "r" (type $r))
    (import "middle" (instance $middle
        (alias outer 1 $r (type $r1)) (export "peek" (func (param "self" (borrow $r1)) (result u32)))))
    {LIBRARY}
    (core func $make (canon lower (func $owner "make")))
    (core func $get (canon lower (func $owner "get")))
    (core func $consume (canon lower (func $owner "consume")))
    (core func $both (canon lower (func $owner "both")))
    (core func $pair (canon lower (func $owner "pair") (memory $memory)))
    (core func $peek (canon lower (func $middle "peek")))
    (core func $drop (canon resource.drop $r))
    (core func $owner-all (canon lower (func $owner "all") (memory $memory) (realloc $realloc)))
    (core module $M {IMPORTS}
        (import "r" "make" (func $make (param i32) (result i32)))
        (import "r" "get" (func $get (param i32) (result i32)))
        (import "r" "consume" (func $consume (param i32)))
        (import "r" "both" (func $both (param i32 i32)))
        (import "r" "pair" (func $pair (param i32)))
        (import "r" "peek" (func $peek (param i32) (result i32)))
        (import "r" "drop" (func $drop (param i32)))
        (import "r" "all" (func $owner-all (param i32)))
        (func (export "transcript") (result i32) {caller}
            (call $owner-all (i32.const 0)) (call $all (i32.const 0)) (i32.const 0)))
    (core instance $m (instantiate $M (with "l" (instance $l)) (with "r" (instance
        (export "make" (func $make)) (export "get" (func $get)) (export "consume" (func $consume))
        (export "both" (func $both)) (export "pair" (func $pair)) (export "peek" (func $peek))
        (export "drop" (func $drop)) (export "all" (func $owner-all))))))
    (func (export "transcript") (result (list u8)) (canon lift (core func $m "transcript") (memory $memory))))
(instance $owner (instantiate $Owner))
(instance $middle (instantiate $Middle (with "owner" (instance $owner))))
(instance $caller (instantiate $Caller (with "owner" (instance $owner)) (with "middle" (instance $middle))))
{transcript})"#,
        driver = driver::IMPORTS,
    )
}
