//! Programs generated from their number that throw across calls, loops, bulk operators and handlers of every kind. A hash in
//! a global decides at run time what is thrown, and records everything that is caught.
//!
//! This code must not change after golden files exist: the programs would differ.

use std::fmt::Write as _;

use crate::corpus::generated::Random;

/// The program with this number, in the text format.
pub(super) fn text(number: u64) -> String {
    let mut random = Random::new(number + 7_000);
    let functions = 2 + random.below(4);
    Writer { random, functions, current: 0, loops: 0, handlers: 0 }.module()
}

/// The most loops in each other.
const MOST_LOOPS: usize = 2;

struct Writer {
    random: Random,
    /// How many functions there are.
    functions: usize,
    /// The current one. It calls itself with a smaller argument, and later ones.
    current: usize,
    loops: usize,
    /// Numbers the labels of handlers.
    handlers: usize,
}

impl Writer {
    fn module(mut self) -> String {
        let mut out = String::from(
            "(module\n (memory (export \"memory\") 1 2)\n (tag $a (param i64)) (tag $b) (tag $c (param f64 v128))\n \
             (global $hash (export \"hash\") (mut i64) (i64.const 88172645463325252))\n \
             (global $caught (export \"caught\") (mut i64) (i64.const 0))\n \
             (func $mix (param i64) (global.set $hash (i64.add (i64.mul (global.get $hash) (i64.const 6364136223846793005)) \
             (i64.add (local.get 0) (i64.const 1442695040888963407)))))\n \
             (func $one_in (param i32) (result i32) (call $mix (i64.const 1)) \
             (i32.eqz (i32.rem_u (i32.wrap_i64 (i64.shr_u (global.get $hash) (i64.const 33))) (local.get 0))))\n",
        );
        let names: Vec<String> = (0..self.functions).map(|n| format!("$f{n}")).collect();
        let _ = writeln!(out, " (type $f (func (param i32) (result i64)))");
        let _ = writeln!(out, " (table {} funcref) (elem (i32.const 0) {})", names.len() + 1, names.join(" "));
        let depth = 2 + self.random.below(6);
        let _ = writeln!(out, " (func (export \"run\") (result i64) (call $f0 (i32.const {depth})))");
        for current in 0..self.functions {
            self.current = current;
            let _ = writeln!(
                out,
                " (func $f{current} (param i32) (result i64) (local i64 f64 v128) (local $c0 i32) (local $c1 i32)\n  (block $end (result i64)"
            );
            for _ in 0..2 + self.random.below(4) {
                let _ = writeln!(out, "  {}", self.statement(3));
            }
            let _ = writeln!(out, "  (global.get $hash)))");
        }
        out + ")"
    }

    fn statement(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.simple();
        }
        match self.random.below(9) {
            0 | 1 => self.simple(),
            2 => self.throw(),
            3 => self.call(),
            4 if self.loops < MOST_LOOPS => self.repeat(depth),
            5 => format!(
                "(if (call $one_in (i32.const {})) (then {}) (else {}))",
                2 + self.random.below(4),
                self.statement(depth - 1),
                self.statement(depth - 1)
            ),
            _ => self.guard(depth),
        }
    }

    fn simple(&mut self) -> String {
        let at = self.random.below(4000);
        match self.random.below(6) {
            0 => format!(
                "(local.set 1 (i64.xor (local.get 1) (global.get $hash))) (i64.store (i32.const {at}) (local.get 1))"
            ),
            1 => format!(
                "(memory.fill (i32.const {at}) (i32.const {}) (i32.const {}))",
                at % 256,
                self.random.below(900)
            ),
            2 => format!(
                "(local.set 2 (f64.sqrt (f64.convert_i64_s (global.get $hash)))) (f64.store (i32.const {at}) (local.get 2))"
            ),
            3 => format!(
                "(local.set 3 (f64x2.div (f64x2.splat (local.get 2)) (local.get 3))) (v128.store (i32.const {at}) (local.get 3))"
            ),
            4 => format!("(call $mix (i64.load (i32.const {at})))"),
            _ => "(call $mix (local.get 1))".into(),
        }
    }

    fn throw(&mut self) -> String {
        let thrown = match self.random.below(4) {
            0 | 1 => "(throw $a (global.get $hash))",
            2 => "(throw $b)",
            _ => "(throw $c (f64.sub (local.get 2) (local.get 2)) (local.get 3))",
        };
        format!("(if (call $one_in (i32.const {})) (then {thrown}))", 2 + self.random.below(5))
    }

    /// A call of a later function, or of this one while its argument lasts.
    fn call(&mut self) -> String {
        let argument = "(i32.sub (local.get 0) (i32.const 1))";
        let deeper = |call: String| format!("(if (i32.gt_s (local.get 0) (i32.const 0)) (then (call $mix {call})))");
        let later = self.functions - self.current - 1;
        if later == 0 || self.random.below(3) == 0 {
            return deeper(format!("(call $f{} {argument})", self.current));
        }
        let callee = self.current + 1 + self.random.below(later);
        match self.random.below(3) {
            0 => deeper(format!("(call_indirect (type $f) {argument} (i32.const {callee}))")),
            1 => format!("(if (call $one_in (i32.const 7)) (then (return_call $f{callee} (local.get 0))))"),
            _ => format!("(call $mix (call $f{callee} (local.get 0)))"),
        }
    }

    fn repeat(&mut self, depth: usize) -> String {
        let (counter, times) = (self.loops, 1 + self.random.below(6));
        self.loops += 1;
        let body = self.statement(depth - 1);
        self.loops -= 1;
        format!(
            "(local.set $c{counter} (i32.const {times})) (loop $l{counter} {body} \
             (br_if $l{counter} (local.tee $c{counter} (i32.sub (local.get $c{counter}) (i32.const 1)))))"
        )
    }

    /// A `try_table` of one of several kinds.
    fn guard(&mut self, depth: usize) -> String {
        let n = self.handlers;
        self.handlers += 1;
        let body = format!("{} {}", self.statement(depth - 1), self.call());
        let seen = "(global.set $caught (i64.add (global.get $caught) (i64.const 1)))";
        match self.random.below(7) {
            0 => format!(
                "(block $d{n} (call $mix (block $h{n} (result i64) (try_table (catch $a $h{n}) {body}) (br $d{n}))) {seen})"
            ),
            1 => format!("(block $h{n} (try_table (catch $b $h{n}) {body})) {seen}"),
            2 => format!(
                "(block $d{n} (block $h{n} (result f64 v128) (try_table (catch $c $h{n}) {body}) (br $d{n})) \
                 (local.set 3) (local.set 2) {seen})"
            ),
            3 => format!("(block $h{n} (try_table (catch_all $h{n}) {body})) {seen}"),
            // Cleans up, and throws on.
            4 => format!(
                "(block $d{n} (block $h{n} (result exnref) (try_table (catch_all_ref $h{n}) {body}) (br $d{n})) \
                 {seen} (throw_ref))"
            ),
            // Keeps the exception, and throws it on sometimes.
            5 => format!(
                "(block $d{n} (block $h{n} (result i64 exnref) (try_table (catch_ref $a $h{n}) {body}) (br $d{n})) \
                 (if (param exnref) (call $one_in (i32.const 3)) (then (throw_ref)) (else (drop))) (call $mix) {seen})"
            ),
            // To the end of everything, with its result; and another tag to a block.
            _ => {
                let outer = self.handlers;
                self.handlers += 1;
                format!("(block $h{outer} (try_table (catch $b $h{outer}) (catch $a $end) {body}))")
            }
        }
    }
}
