//! For every operator of the language a function that executes it and one that does the same without it. The difference
//! of their fuel is the cost of the operator.

use std::fmt::Write as _;

use super::table::{MEMORY, Operator, PARTIAL, TOTAL, Type, operators};

/// Two bodies of functions without parameters and results, of which only the first executes the operator.
#[derive(Clone, Debug)]
pub struct Snippet {
    /// The operator, and its operands where its cost depends on them.
    pub name: String,
    /// The body that executes it.
    pub with: String,
    /// The body that does not.
    pub without: String,
}

/// A module that exports each of these bodies as a function, named by its index in the list, with the items that they
/// refer to.
pub fn module(bodies: &[&str]) -> String {
    let mut out = String::from(
        "(module (memory 1 9) (table $t 9 99 funcref) (global $g (mut i32) (i32.const 0)) (data $d \"data\") \
         (elem $e funcref (ref.null func) (ref.func $nothing)) (type $void (func)) \
         (elem (table $t) (i32.const 0) func $nothing) (func $nothing)\n",
    );
    for (n, body) in bodies.iter().enumerate() {
        let _ = writeln!(out, "(func (export \"{n}\") (local $l i32) {body})");
    }
    out + ")"
}

/// A snippet for every operator of the language.
pub fn snippets() -> Vec<Snippet> {
    let values = [TOTAL, PARTIAL, MEMORY].into_iter().flat_map(operators);
    let values = values.map(|operator| of_values(&operator));
    let others = OTHERS.iter().map(|(name, with, without)| Snippet {
        name: (*name).into(),
        with: (*with).into(),
        without: (*without).into(),
    });
    values.chain(others).collect()
}

/// Operands that no operator traps on: addresses are in the first page, divisors are not zero, floats have integers.
fn of_values(operator: &Operator) -> Snippet {
    let constants: Vec<&str> = operator.takes.iter().map(|ty| constant(*ty)).collect();
    let constants = constants.join(" ");
    let after = if operator.gives.is_some() { "drop" } else { "" };
    Snippet {
        name: operator.text.into(),
        with: format!("{constants} {} {after}", operator.text),
        without: format!("{constants} {}", "drop ".repeat(operator.takes.len())),
    }
}

fn constant(ty: Type) -> &'static str {
    match ty {
        Type::I32 => "i32.const 3",
        Type::I64 => "i64.const 3",
        Type::F32 => "f32.const 1.5",
        Type::F64 => "f64.const 1.5",
        Type::V128 => "v128.const i32x4 1 2 3 4",
    }
}

/// Name, body with it, body without it.
const OTHERS: &[(&str, &str, &str)] = &[
    ("call, and entry", "call $nothing", ""),
    ("block", "block end", ""),
    ("br", "block br 0 end", "block end"),
    ("br_if not taken", "block i32.const 0 br_if 0 end", "block i32.const 0 drop end"),
    ("br_if taken", "block i32.const 1 br_if 0 end", "block i32.const 1 drop end"),
    ("br_table", "block i32.const 0 br_table 0 0 end", "block i32.const 0 drop end"),
    ("call_indirect, and entry", "i32.const 0 call_indirect $t (type $void)", "i32.const 0 drop"),
    ("data.drop", "data.drop $d", ""),
    ("drop", "i32.const 0 drop return", "i32.const 0 return"),
    ("elem.drop", "elem.drop $e", ""),
    ("f32.const", "f32.const 0 drop", ""),
    ("f64.const", "f64.const 0 drop", ""),
    ("global.get", "global.get $g drop", ""),
    ("global.set", "i32.const 0 global.set $g", "i32.const 0 drop"),
    ("i32.const", "i32.const 0 drop", ""),
    ("i64.const", "i64.const 0 drop", ""),
    ("if with else, not taken", "i32.const 0 if else end", "i32.const 0 drop"),
    ("if, not taken", "i32.const 0 if end", "i32.const 0 drop"),
    ("if, taken", "i32.const 1 if end", "i32.const 1 drop"),
    ("local.get", "local.get $l drop", ""),
    ("local.set", "i32.const 0 local.set $l", "i32.const 0 drop"),
    ("local.tee", "i32.const 0 local.tee $l drop", "i32.const 0 drop"),
    ("loop", "loop end", ""),
    (
        "memory.copy of 0",
        "i32.const 0 i32.const 0 i32.const 0 memory.copy",
        "i32.const 0 i32.const 0 i32.const 0 drop drop drop",
    ),
    (
        "memory.copy of 1000",
        "i32.const 0 i32.const 0 i32.const 1000 memory.copy",
        "i32.const 0 i32.const 0 i32.const 1000 drop drop drop",
    ),
    (
        "memory.fill of 0",
        "i32.const 0 i32.const 0 i32.const 0 memory.fill",
        "i32.const 0 i32.const 0 i32.const 0 drop drop drop",
    ),
    (
        "memory.fill of 1000",
        "i32.const 0 i32.const 0 i32.const 1000 memory.fill",
        "i32.const 0 i32.const 0 i32.const 1000 drop drop drop",
    ),
    ("memory.grow by 0", "i32.const 0 memory.grow drop", "i32.const 0 drop"),
    ("memory.grow by 3", "i32.const 3 memory.grow drop", "i32.const 3 drop"),
    ("memory.grow by 100, refused", "i32.const 100 memory.grow drop", "i32.const 100 drop"),
    (
        "memory.init of 0",
        "i32.const 0 i32.const 0 i32.const 0 memory.init $d",
        "i32.const 0 i32.const 0 i32.const 0 drop drop drop",
    ),
    (
        "memory.init of 4",
        "i32.const 0 i32.const 0 i32.const 4 memory.init $d",
        "i32.const 0 i32.const 0 i32.const 4 drop drop drop",
    ),
    ("memory.size", "memory.size drop", ""),
    ("nop", "nop", ""),
    ("ref.func", "ref.func $nothing drop", ""),
    ("ref.is_null", "ref.null func ref.is_null drop", "ref.null func drop"),
    ("ref.null", "ref.null func drop", ""),
    ("return", "return", ""),
    ("return_call, and entry", "return_call $nothing", ""),
    (
        "return_call_indirect",
        "i32.const 0 return_call_indirect $t (type $void)",
        "i32.const 0 call_indirect $t (type $void)",
    ),
    ("select", "i32.const 0 i32.const 0 i32.const 0 select drop", "i32.const 0 i32.const 0 i32.const 0 drop drop drop"),
    (
        "select with a type",
        "i32.const 0 i32.const 0 i32.const 0 select (result i32) drop",
        "i32.const 0 i32.const 0 i32.const 0 drop drop drop",
    ),
    (
        "table.copy of 0",
        "i32.const 0 i32.const 0 i32.const 0 table.copy $t $t",
        "i32.const 0 i32.const 0 i32.const 0 drop drop drop",
    ),
    (
        "table.copy of 5",
        "i32.const 0 i32.const 0 i32.const 5 table.copy $t $t",
        "i32.const 0 i32.const 0 i32.const 5 drop drop drop",
    ),
    (
        "table.fill of 0",
        "i32.const 0 ref.null func i32.const 0 table.fill $t",
        "i32.const 0 ref.null func i32.const 0 drop drop drop",
    ),
    (
        "table.fill of 5",
        "i32.const 0 ref.null func i32.const 5 table.fill $t",
        "i32.const 0 ref.null func i32.const 5 drop drop drop",
    ),
    ("table.get", "i32.const 0 table.get $t drop", "i32.const 0 drop"),
    ("table.grow by 0", "ref.null func i32.const 0 table.grow $t drop", "ref.null func i32.const 0 drop drop"),
    ("table.grow by 10", "ref.null func i32.const 10 table.grow $t drop", "ref.null func i32.const 10 drop drop"),
    (
        "table.grow by 100, refused",
        "ref.null func i32.const 100 table.grow $t drop",
        "ref.null func i32.const 100 drop drop",
    ),
    (
        "table.init of 0",
        "i32.const 0 i32.const 0 i32.const 0 table.init $t $e",
        "i32.const 0 i32.const 0 i32.const 0 drop drop drop",
    ),
    (
        "table.init of 2",
        "i32.const 0 i32.const 0 i32.const 2 table.init $t $e",
        "i32.const 0 i32.const 0 i32.const 2 drop drop drop",
    ),
    ("table.set", "i32.const 0 ref.null func table.set $t", "i32.const 0 ref.null func drop drop"),
    ("table.size", "table.size $t drop", ""),
    ("unreachable", "unreachable", ""),
    ("v128.const", "v128.const i64x2 0 0 drop", ""),
];
