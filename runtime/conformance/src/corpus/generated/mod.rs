//! Programs generated from their number: a few functions with loops, branches, stores and expressions of all types;
//! calls go only to later functions. Most terminate, some trap, some exhaust their fuel.
//!
//! This code must not change after golden files exist: the programs would differ.

mod expression;
mod random;
mod statement;

use std::fmt::Write as _;

pub(super) use random::Random;

use crate::case::Case;
use crate::operators::{MEMORY, Operator, PARTIAL, TOTAL, Type, operators};

/// How many there are.
pub const COUNT: u64 = 256;
/// Fuel of a program.
const FUEL: u64 = 300_000;

/// All generated cases.
pub(super) fn cases() -> Result<Vec<Case>, String> {
    (0..COUNT)
        .map(|number| {
            let name = format!("generated {number}");
            let wasm = wat::parse_str(text(number)).map_err(|error| format!("{name}: {error}"))?;
            Ok(Case { fuel: FUEL, ..Case::new(name, wasm) })
        })
        .collect()
}

/// The program with this number, in the text format.
pub fn text(number: u64) -> String {
    Writer::new(number).module()
}

/// Parameters and results of a function.
#[derive(Clone, Debug)]
struct Signature {
    params: Vec<Type>,
    result: Type,
}

/// The writer of one program.
struct Writer {
    random: Random,
    /// The types that occur in it.
    types: &'static [Type],
    /// Whether there are tail calls, which not every engine has.
    tail_calls: bool,
    total: Vec<Operator>,
    partial: Vec<Operator>,
    memory: Vec<Operator>,
    functions: Vec<Signature>,
    /// The current function: it calls only later ones.
    current: usize,
    /// Its parameters and locals, but for the counters of its loops.
    locals: Vec<Type>,
    /// How many loops are open, each with a counter of its own.
    loops: usize,
    /// How many labels are open that carry no value.
    labels: usize,
}

/// The most loops in each other.
const MOST_LOOPS: usize = 3;

impl Writer {
    fn new(number: u64) -> Self {
        let mut random = Random::new(number + 1);
        let types: &[Type] = match number % 4 {
            0 => &[Type::I32, Type::I64],
            1 => &[Type::I32, Type::I64, Type::F32, Type::F64],
            _ => &Type::ALL,
        };
        let table = |table| {
            let mut list = operators(table);
            list.retain(|operator| operator.takes.iter().chain(&operator.gives).all(|ty| types.contains(ty)));
            list
        };
        let (total, partial, memory) = (table(TOTAL), table(PARTIAL), table(MEMORY));
        let functions = (0..2 + random.below(4))
            .map(|_| {
                let params = (0..random.below(4)).map(|_| *random.pick(types)).collect();
                Signature { params, result: *random.pick(types) }
            })
            .collect();
        let tail_calls = number % 8 == 7;
        let (locals, current, loops, labels) = (Vec::new(), 0, 0, 0);
        Self { random, types, tail_calls, total, partial, memory, functions, current, locals, loops, labels }
    }

    fn module(mut self) -> String {
        let mut out = String::from(
            "(module\n (memory (export \"memory\") 1 3)\n \
             (global $i32 (export \"i32\") (mut i32) (i32.const 7))\n \
             (global $i64 (export \"i64\") (mut i64) (i64.const -7))\n",
        );
        for ty in &self.types[2..] {
            let name = ty.name();
            let _ = writeln!(out, " (global ${name} (mut {name}) ({name}.const {}))", zero(*ty));
        }
        let names: Vec<String> = (0..self.functions.len()).map(|n| format!("$f{n}")).collect();
        // One element more than there are functions, for calls of an empty element.
        let _ = writeln!(out, " (table {} funcref) (elem (i32.const 0) {})", names.len() + 1, names.join(" "));
        let bytes: String = (0..128).map(|_| format!("\\{:02x}", self.random.below(256))).collect();
        let _ = writeln!(out, " (data (i32.const 0) \"{bytes}\")");
        out += &self.run();
        for current in 0..self.functions.len() {
            self.current = current;
            out += &self.function();
        }
        out + ")"
    }

    /// Calls all functions and stores their results, so that results of all types are compared.
    fn run(&mut self) -> String {
        let mut out = String::from(" (func (export \"run\") (result i64)\n");
        for (n, function) in self.functions.clone().into_iter().enumerate() {
            let args: Vec<String> = function.params.iter().map(|ty| self.constant(*ty)).collect();
            let store = function.result.name();
            let _ = writeln!(out, "  ({store}.store (i32.const {}) (call $f{n} {}))", 5000 + 16 * n, args.join(" "));
        }
        out + "  (global.get $i64))\n"
    }

    fn function(&mut self) -> String {
        let Signature { params, result } = self.functions[self.current].clone();
        self.locals.clone_from(&params);
        for ty in self.types {
            self.locals.extend(std::iter::repeat_n(*ty, 1 + self.random.below(3)));
        }
        let list = |types: &[Type]| types.iter().map(|ty| ty.name()).collect::<Vec<_>>().join(" ");
        let mut out = format!(
            " (func $f{} (param {}) (result {}) (local {}) (local $c0 i32) (local $c1 i32) (local $c2 i32)\n",
            self.current,
            list(&params),
            result.name(),
            list(&self.locals[params.len()..]),
        );
        for _ in 0..3 + self.random.below(6) {
            let _ = writeln!(out, "  {}", self.statement(3));
        }
        let _ = writeln!(out, "  {})", self.expression(result, 3));
        out
    }
}

fn zero(ty: Type) -> &'static str {
    if ty == Type::V128 { "i64x2 0 0" } else { "0" }
}
