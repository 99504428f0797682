//! The basic blocks of a function and their fuel.
//!
//! A block is charged completely when control enters it. One begins at the function's entry, after `loop`, `if`, `else`
//! and `br_if` (`br_on_null` and `br_on_non_null` too), and after the `end` of an `if` or of a `block` that is a branch target. Calls do not end a block. The
//! function's entry costs 1 more. Code between an unconditional branch and the next `else` or `end` of its construct is
//! dead: it costs nothing and is unchanged. A `try_table` is a `block` whose handlers are branches out of it.
//!
//! `body` maintains the counter.

use std::ops::Range;

use wasmparser::{Catch, Operator};

use super::operators::{self, Class};
use bacalhau_receipt::Profile;

/// Fuel for entering a function.
const ENTRY: u64 = Profile::V1.fuel.entry;

/// The charges of a function, and further data for `body`. Operators are identified by index.
#[derive(Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "facts about a text, and no states")]
pub(super) struct Blocks {
    /// Amounts and the operators before which they are charged, in order.
    pub(super) charges: Vec<(usize, u64)>,
    /// Operators that never run. In order, apart.
    pub(super) dead: Vec<Range<usize>>,
    /// Something is called, by a tail call perhaps.
    pub(super) calls: bool,
    /// Something is called outside of the function's loops.
    pub(super) calls_outside_loops: bool,
    pub(super) loops: bool,
    /// Some operator may trap, calls, `unreachable` and bulk operators not counted: they have checkpoints of their own.
    pub(super) traps: bool,
    /// Some operator is charged by an operand.
    pub(super) sized: bool,
    /// Some operator grows a memory or a table.
    pub(super) grows: bool,
    /// There is a `try_table`.
    pub(super) catches: bool,
    /// Operators behind which an exception may arrive: a `loop`, or an `end`. In order.
    pub(super) handlers: Vec<usize>,
}

/// A construct that is open.
struct Open {
    kind: Kind,
    /// Its operator.
    start: usize,
    /// Something branches to its label.
    targeted: bool,
    /// An exception may arrive at its label.
    handles: bool,
}

#[derive(PartialEq)]
enum Kind {
    Block,
    Loop,
    If,
}

/// The block that is being added up.
struct Current {
    start: usize,
    fuel: u64,
}

impl Blocks {
    /// Whether there is a single charge and no other fuel operation: then the counter itself is decremented.
    pub(super) fn are_one(&self) -> bool {
        !self.calls && !self.loops && !self.sized && !self.catches && self.charges.len() <= 1
    }

    /// Computes the blocks of a function.
    pub(super) fn of(operators: &[(Operator<'_>, usize)]) -> Self {
        Walk {
            blocks: Self::default(),
            open: vec![Open { kind: Kind::Block, start: 0, targeted: false, handles: false }],
            open_loops: 0,
            current: Current { start: 0, fuel: ENTRY },
        }
        .walk(operators)
    }
}

struct Walk {
    blocks: Blocks,
    open: Vec<Open>,
    /// Number of open loops among them.
    open_loops: usize,
    current: Current,
}

impl Walk {
    fn walk(mut self, operators: &[(Operator<'_>, usize)]) -> Blocks {
        let mut index = 0;
        while index < operators.len() {
            let operator = &operators[index].0;
            self.note(operators::class(operator));
            index += 1;
            match operator {
                Operator::Block { .. } => self.enter(Kind::Block, index - 1),
                Operator::TryTable { try_table } => {
                    self.blocks.catches = true;
                    for catch in &try_table.catches {
                        self.handle(catch);
                    }
                    self.enter(Kind::Block, index - 1);
                }
                Operator::Loop { .. } => {
                    self.blocks.loops = true;
                    self.enter(Kind::Loop, index - 1);
                    self.cut(index);
                }
                Operator::If { .. } => {
                    self.enter(Kind::If, index - 1);
                    self.cut(index);
                }
                Operator::Else => self.cut(index),
                Operator::End => {
                    let meets = self.close(index - 1).is_some_and(|open| open.meets());
                    if meets && index < operators.len() {
                        self.cut(index);
                    }
                }
                Operator::BrIf { relative_depth }
                | Operator::BrOnNull { relative_depth }
                | Operator::BrOnNonNull { relative_depth } => {
                    self.target(*relative_depth);
                    self.cut(index);
                }
                Operator::Br { .. }
                | Operator::BrTable { .. }
                | Operator::Return
                | Operator::Unreachable
                | Operator::Throw { .. }
                | Operator::ThrowRef
                | Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::ReturnCallRef { .. } => {
                    self.target_all(operator);
                    index = self.skip(operators, index);
                }
                _ => {}
            }
        }
        self.cut(operators.len());
        self.blocks.handlers.sort_unstable();
        self.blocks
    }

    fn note(&mut self, class: Class) {
        self.current.fuel += class.fuel();
        let calls = matches!(class, Class::Call | Class::TailCall);
        self.blocks.calls |= calls;
        self.blocks.calls_outside_loops |= calls && self.open_loops == 0;
        self.blocks.traps |= matches!(class, Class::Trapping | Class::Atomic | Class::Notify);
        self.blocks.sized |= matches!(class, Class::Bulk | Class::GrowMemory | Class::GrowTable);
        self.blocks.grows |= matches!(class, Class::GrowMemory | Class::GrowTable);
    }

    fn enter(&mut self, kind: Kind, start: usize) {
        self.open_loops += usize::from(kind == Kind::Loop);
        // Whether an `if` is taken or not, both ways come together at its end.
        self.open.push(Open { targeted: kind == Kind::If, kind, start, handles: false });
    }

    /// Closes a construct at its `end`.
    fn close(&mut self, end: usize) -> Option<Open> {
        let open = self.open.pop()?;
        if open.handles {
            self.blocks.handlers.push(if open.kind == Kind::Loop { open.start } else { end });
        }
        self.open_loops -= usize::from(open.kind == Kind::Loop);
        Some(open)
    }

    /// Ends the current block before the operator `next`, which begins another.
    fn cut(&mut self, next: usize) {
        if self.current.fuel > 0 {
            self.blocks.charges.push((self.current.start, self.current.fuel));
        }
        self.current = Current { start: next, fuel: 0 };
    }

    /// Skips dead code after an unconditional branch, up to and including the `else` or `end` that closes it.
    fn skip(&mut self, operators: &[(Operator<'_>, usize)], from: usize) -> usize {
        let mut depth = 0_usize;
        let mut index = from;
        while index < operators.len() {
            match operators[index].0 {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                    depth += 1;
                }
                Operator::Else | Operator::End if depth == 0 => break,
                Operator::End => depth -= 1,
                _ => {}
            }
            index += 1;
        }
        if from < index {
            self.blocks.dead.push(from..index);
        }
        if matches!(operators.get(index), Some((Operator::End, _))) {
            self.close(index);
        }
        let next = (index + 1).min(operators.len());
        self.cut(next);
        next
    }

    /// The construct whose label a branch names.
    fn label(&mut self, depth: u32) -> Option<&mut Open> {
        self.open.iter_mut().nth_back(depth as usize)
    }

    fn target(&mut self, depth: u32) {
        if let Some(open) = self.label(depth) {
            open.targeted = true;
        }
    }

    /// Notes where a handler of a `try_table` leads, before that is entered.
    fn handle(&mut self, catch: &Catch) {
        let (Catch::One { label, .. } | Catch::OneRef { label, .. } | Catch::All { label } | Catch::AllRef { label }) =
            catch;
        if let Some(open) = self.label(*label) {
            open.targeted = true;
            open.handles = true;
        }
    }

    fn target_all(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Br { relative_depth } => self.target(*relative_depth),
            Operator::BrTable { targets } => {
                self.target(targets.default());
                for depth in targets.targets().flatten() {
                    self.target(depth);
                }
            }
            _ => {}
        }
    }
}

impl Open {
    /// Whether control may come to its `end` from elsewhere than straight from above.
    fn meets(&self) -> bool {
        self.targeted && self.kind != Kind::Loop
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{Parser, Payload};

    use super::*;

    /// The blocks of the only function of a module.
    fn blocks(body: &str) -> Blocks {
        let wasm = wat::parse_str(format!("(module (memory 1) (func $f {body}))")).expect("parses");
        let code = Parser::new(0).parse_all(&wasm).find_map(|payload| match payload.expect("reads") {
            Payload::CodeSectionEntry(body) => Some(body),
            _ => None,
        });
        let reader = code.expect("a function").get_operators_reader().expect("reads");
        let operators: Vec<_> = reader.into_iter_with_offsets().collect::<Result<_, _>>().expect("reads");
        Blocks::of(&operators)
    }

    #[test]
    fn a_block_is_charged_where_it_begins() {
        for (body, charges) in [
            ("", vec![(0, 1)]),
            ("nop i32.const 1 drop", vec![(0, 2)]),
            // Nothing branches to the end: one block.
            ("block i32.const 1 drop end i32.const 1 drop", vec![(0, 3)]),
            ("block i32.const 1 br_if 0 i32.const 1 drop end i32.const 1 drop", vec![(0, 3), (3, 1), (6, 1)]),
            ("i32.const 1 if i32.const 1 drop else nop end i32.const 1 drop", vec![(0, 3), (2, 1), (7, 1)]),
            ("i32.const 1 if end i32.const 1 drop", vec![(0, 3), (3, 1)]),
            // The end of a loop is no meeting; its head is charged each time round.
            ("loop i32.const 1 br_if 0 end i32.const 1 drop", vec![(0, 1), (1, 2), (3, 1)]),
            ("loop br 0 end", vec![(0, 1), (1, 1)]),
            ("call $f i32.const 1 drop call $f", vec![(0, 4)]),
            ("i32.const 0 i32.const 0 i32.const 9 memory.fill", vec![(0, 5)]),
            ("i32.const 1 memory.grow drop", vec![(0, 1 + 1 + 255)]),
            ("block block i32.const 1 br_table 0 1 end i32.const 1 drop end", vec![(0, 3), (5, 1)]),
        ] {
            assert_eq!(blocks(body).charges, charges, "{body}");
        }
    }

    #[test]
    fn what_never_runs_costs_nothing() {
        for (body, charges, dead) in [
            ("return i32.const 1 drop", vec![(0, 1)], vec![(1, 3)]),
            ("unreachable", vec![(0, 1)], vec![]),
            ("block br 0 call $f loop br 0 end end i32.const 1 drop", vec![(0, 2), (7, 1)], vec![(2, 6)]),
            ("i32.const 1 if return i32.const 1 drop else i32.const 1 drop end", vec![(0, 3), (6, 1)], vec![(3, 5)]),
        ] {
            let blocks = blocks(body);
            let ranges: Vec<_> = blocks.dead.iter().map(|range| (range.start, range.end)).collect();
            assert_eq!((blocks.charges, ranges), (charges, dead), "{body}");
        }
    }
}
