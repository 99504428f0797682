//! Rewrites a function: charges fuel by block, reserves and releases its frame, and makes NaNs canonical.
//!
//! ```text
//! fuel' = fuel; stack -= price            ;; fuel' is a local: the counter itself would be loaded and stored each time
//! if (fuel' | stack | stop) < 0 { unreachable }
//! block                                   ;; what was a branch to the function's end is now one to the end of this block
//!   fuel' -= 12; …                        ;; each basic block
//!   loop
//!     fuel = fuel'                        ;; a checkpoint: what a trap leaves behind
//!     if fuel' < least { unreachable }      ;; zero, until the host wants the run to stop
//!     fuel' -= 7; …
//!   end
//!   fuel = fuel'; call; fuel' = fuel      ;; where the counter has changed since, and where it is used again
//! end
//! fuel = fuel'; stack += price
//! ```
//!
//! A function of one block without calls decrements the counter itself, and so does one with a `try_table`, which adds
//! behind each label of a handler, where an exception may have come past frames that did not give themselves back:
//!
//! ```text
//! fuel -= 40 * (stack' - stack); stack = stack'     ;; stack' is the local of this frame; no difference if none came
//! ```
//!
//! `blocks` decides the charges, `stack` the
//! price, `nan` the NaNs. A stop is an `unreachable`, never a call: a call would preserve all values of the loop, which
//! costs up to 2.6 times (measured; the cost of wasmtime's own fuel).

use wasm_encoder::{BlockType, Instruction as I, MemArg};
use wasmparser::{Operator, ValType};

use super::blocks::Blocks;
use super::code::{Code, Likely};
use super::function::Function;
use super::locals::Locals;
use super::nan::{Canonical, Shape};
use super::operators::{self, Class};
use super::replaced::Replaced;
use super::{LEAST_FUEL, STOP};
use bacalhau_receipt::Profile;

/// The most that an operand of 64 bits counts: more than all memory, and the counter does not wrap.
const MOST_CHARGED: i64 = 1 << 62;

/// Indices of the added items.
#[derive(Clone, Copy)]
pub(super) struct Counters {
    /// The global that counts fuel.
    pub(super) fuel: u32,
    /// The global that counts slots of the stack.
    pub(super) stack: u32,
    /// The memory in which the host requests a stop.
    pub(super) stop: Option<u32>,
}

/// Decisions about a function.
pub(super) struct Plan {
    pub(super) blocks: Blocks,
    /// Slots of the frame, if it is not free.
    pub(super) price: Option<i64>,
    pub(super) canonical: Vec<Canonical>,
    pub(super) replaced: Vec<Replaced>,
    /// Operators that are charged by an operand of 64 bits. In order.
    pub(super) wide: Vec<usize>,
    /// Block type with the results of the function.
    pub(super) block: BlockType,
}

/// A function's body, and its branch hints.
pub(super) type Body = (Vec<u8>, Vec<(u32, Likely)>);

/// The new body without its length. `None` if it would have more locals than engines accept.
pub(super) fn write(wasm: &[u8], function: &Function<'_>, plan: &Plan, counters: Counters) -> Option<Body> {
    let locals = Locals::of(function, plan)?;
    let mut code = Code::new(wasm, function.start, function.end - function.start);
    code.declare(&locals.groups);
    let mut writer = Writer { code, locals, counters, plan, depth: 0, ahead: false, behind: false };
    writer.enter();
    writer.operators(function);
    Some(writer.code.into_bytes())
}

struct Writer<'a> {
    code: Code<'a>,
    locals: Locals,
    counters: Counters,
    plan: &'a Plan,
    /// Constructs of the original that are open.
    depth: u32,
    /// The local may have counted more than the global.
    ahead: bool,
    /// A call has counted on in the global.
    behind: bool,
}

impl Writer<'_> {
    fn enter(&mut self) {
        if let Some(fuel) = self.locals.fuel {
            self.code.add(&[I::GlobalGet(self.counters.fuel), I::LocalSet(fuel)]);
        }
        if let (Some(price), Some(stack)) = (self.plan.price, self.locals.stack) {
            self.code.add(&[
                I::GlobalGet(self.counters.stack),
                I::I64Const(-price),
                I::I64Add,
                I::LocalTee(stack),
                I::GlobalSet(self.counters.stack),
                I::LocalGet(stack),
            ]);
            if self.plan.blocks.calls {
                self.get_fuel();
                self.code.add(&[I::I64Or]);
            }
            // A function that calls only within a loop has checked at its head.
            if self.plan.blocks.calls_outside_loops {
                self.or_stop();
            }
            self.end_if_negative();
        }
        if self.wraps() {
            self.code.add(&[I::Block(self.plan.block)]);
        }
    }

    /// Whether something is to be done when the function is left.
    fn wraps(&self) -> bool {
        self.locals.fuel.is_some() || self.plan.price.is_some()
    }

    fn operators(&mut self, function: &Function<'_>) {
        let mut charges = self.plan.blocks.charges.iter().peekable();
        let mut dead = self.plan.blocks.dead.iter().peekable();
        let mut canonical = self.plan.canonical.iter().peekable();
        let mut handlers = self.plan.blocks.handlers.iter().peekable();
        let mut replaced = self.plan.replaced.iter().peekable();
        let mut index = 0;
        let mut at_head = false;
        while let Some((operator, offset)) = function.operators.get(index) {
            if let Some(range) = dead.next_if(|range| range.start == index) {
                while let Some(replaced) = replaced.next_if(|replaced| replaced.operator < range.end) {
                    self.code.copy_to(function.offset(replaced.operator));
                    self.replace_operator(replaced, function.offset(replaced.operator + 1));
                }
                index = range.end;
                continue;
            }
            let next = function.offset(index + 1);
            self.code.copy_to(*offset);
            if handlers.next_if(|at| **at + 1 == index).is_some() {
                self.unwind();
            }
            if std::mem::take(&mut at_head) {
                self.loop_head();
            }
            if let Some((_, fuel)) = charges.next_if(|(at, _)| *at == index) {
                self.charge(*fuel);
            }
            let class = operators::class(operator);
            let wide = self.plan.wide.binary_search(&index).is_ok();
            self.before(operator, class, wide);
            match operator {
                Operator::Return if self.wraps() => {
                    self.code.add(&[I::Br(self.depth)]);
                    self.code.skip_to(next);
                }
                Operator::End if self.depth == 0 => {
                    self.leave(handlers.next_if_eq(&&index).is_some());
                    self.code.copy_to(next);
                }
                _ => match replaced.next_if(|replaced| replaced.operator == index) {
                    Some(replaced) => self.replace_operator(replaced, next),
                    None => self.code.copy_to(next),
                },
            }
            self.after(operator, class, wide);
            while let Some(canonical) = canonical.next_if(|canonical| canonical.operator <= index) {
                if canonical.operator == index {
                    self.make_canonical(canonical);
                }
            }
            at_head = matches!(operator, Operator::Loop { .. });
            index += 1;
        }
    }

    /// Emits what stands for an operator. The original goes on at `next`.
    fn replace_operator(&mut self, replaced: &Replaced, next: usize) {
        self.code.add(&replaced.code(&self.locals.scratch(replaced.locals())));
        self.code.skip_to(next);
    }

    /// Emits code before an operator; its operands stay on the stack.
    fn before(&mut self, operator: &Operator<'_>, class: Class, wide: bool) {
        match class {
            Class::Call | Class::Throw => self.publish(),
            Class::TailCall => {
                self.publish();
                self.give_back();
            }
            Class::Bulk => self.charge_size(wide),
            Class::GrowMemory | Class::GrowTable => {
                if let Some(count) = self.locals.count(wide) {
                    self.code.add(&[I::LocalTee(count)]);
                }
            }
            _ => match operator {
                Operator::Unreachable => self.publish(),
                operator if is_control(operator) => self.catch_up(),
                _ => {}
            },
        }
    }

    fn after(&mut self, operator: &Operator<'_>, class: Class, wide: bool) {
        match class {
            Class::Call => self.behind = self.locals.fuel.is_some(),
            Class::GrowMemory => self.charge_growth(Profile::V1.fuel.page, wide),
            Class::GrowTable => self.charge_growth(Profile::V1.fuel.element, wide),
            _ => {}
        }
        match operator {
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => self.depth += 1,
            Operator::Loop { .. } => {
                self.depth += 1;
                self.ahead = true;
            }
            Operator::Else => self.ahead = true,
            Operator::End => {
                self.depth = self.depth.saturating_sub(1);
                self.ahead = true;
            }
            _ => {}
        }
    }

    /// The head of a loop, each time round.
    fn loop_head(&mut self) {
        if self.plan.blocks.traps {
            self.publish();
        }
        self.get_fuel();
        match self.counters.stop {
            // A comparison with memory is one instruction, as one with zero is.
            Some(memory) => self.code.add(&[I::I32Const(0), I::I64Load(stop_word(LEAST_FUEL, memory)), I::I64LtS]),
            None => self.code.add(&[I::I64Const(0), I::I64LtS]),
        }
        self.end_if(!self.plan.blocks.traps);
    }

    /// Takes fuel for a block.
    fn charge(&mut self, fuel: u64) {
        self.catch_up();
        self.get_fuel();
        // Adding, since compilers can add into another register in one instruction.
        self.code.add(&[I::I64Const(-i64::try_from(fuel).unwrap_or(i64::MAX)), I::I64Add]);
        self.set_fuel();
    }

    /// Charges the bytes or elements in the top operand, and checks the counter.
    fn charge_size(&mut self, wide: bool) {
        let Some(count) = self.locals.count(wide) else { return };
        self.catch_up();
        self.code.add(&[I::LocalTee(count)]);
        self.get_fuel();
        if wide {
            let most = I::I64Const(MOST_CHARGED);
            self.code.add(&[I::LocalGet(count), most.clone(), I::LocalGet(count), most, I::I64LtU, I::Select]);
            self.code.add(&[I::I64Sub]);
        } else {
            self.code.add(&[I::LocalGet(count), I::I64ExtendI32U, I::I64Sub]);
        }
        self.set_fuel();
        self.publish();
        self.get_fuel();
        self.end_if_negative();
    }

    /// Charges a successful growth, by the top operand. It succeeded, so this is small.
    fn charge_growth(&mut self, each: u64, wide: bool) {
        let (Some(count), Some(grown)) = (self.locals.count(wide), self.locals.grown(wide)) else { return };
        self.catch_up();
        let (refused, differs) = if wide { (I::I64Const(-1), I::I64Ne) } else { (I::I32Const(-1), I::I32Ne) };
        self.code.add(&[I::LocalTee(grown), I::LocalGet(grown), refused, differs, I::If(BlockType::Empty)]);
        self.get_fuel();
        let each = i64::try_from(each).unwrap_or(i64::MAX);
        self.code.add(&[I::LocalGet(count)]);
        if !wide {
            self.code.add(&[I::I64ExtendI32U]);
        }
        self.code.add(&[I::I64Const(each), I::I64Mul, I::I64Sub]);
        self.set_fuel();
        self.publish();
        self.get_fuel();
        self.end_if_negative();
        self.code.add(&[I::End]);
        self.ahead = true;
    }

    /// Takes back the frames that an exception has left behind, and charges for them. Nothing if there was none.
    fn unwind(&mut self) {
        let (Some(stack), Some(exceptions)) = (self.locals.stack, Profile::V2.exceptions) else { return };
        let each = i64::try_from(exceptions.unwound_slot).unwrap_or(i64::MAX);
        self.get_fuel();
        self.code.add(&[I::LocalGet(stack), I::GlobalGet(self.counters.stack), I::I64Sub, I::I64Const(each)]);
        self.code.add(&[I::I64Mul, I::I64Sub]);
        self.set_fuel();
        self.code.add(&[I::LocalGet(stack), I::GlobalSet(self.counters.stack)]);
    }

    /// Emits the end of the function, after the wrapped body. An exception may arrive there if it `handles`.
    fn leave(&mut self, handles: bool) {
        if self.wraps() {
            self.code.add(&[I::End]);
            if handles {
                self.unwind();
            }
            if let Some(fuel) = self.locals.fuel {
                self.code.add(&[I::LocalGet(fuel), I::GlobalSet(self.counters.fuel)]);
            }
            self.give_back();
        }
    }

    /// Gives the frame back. Leaves the operands alone.
    fn give_back(&mut self) {
        if let (Some(price), Some(stack)) = (self.plan.price, self.locals.stack) {
            self.code.add(&[I::LocalGet(stack), I::I64Const(price), I::I64Add, I::GlobalSet(self.counters.stack)]);
        }
    }

    /// Puts the local count into the global, if it may be ahead.
    fn publish(&mut self) {
        if let Some(fuel) = self.locals.fuel
            && self.ahead
            && !self.behind
        {
            self.code.add(&[I::LocalGet(fuel), I::GlobalSet(self.counters.fuel)]);
        }
        self.ahead = false;
    }

    /// Takes the global count into the local, after a call.
    fn catch_up(&mut self) {
        if let Some(fuel) = self.locals.fuel
            && std::mem::take(&mut self.behind)
        {
            self.code.add(&[I::GlobalGet(self.counters.fuel), I::LocalSet(fuel)]);
            self.ahead = false;
        }
    }

    fn get_fuel(&mut self) {
        self.code.add(&[self.locals.fuel.map_or(I::GlobalGet(self.counters.fuel), I::LocalGet)]);
    }

    fn set_fuel(&mut self) {
        self.code.add(&[self.locals.fuel.map_or(I::GlobalSet(self.counters.fuel), I::LocalSet)]);
        self.ahead = true;
    }

    /// Makes the top operand negative if the host requests a stop.
    fn or_stop(&mut self) {
        if let Some(memory) = self.counters.stop {
            self.code.add(&[I::I32Const(0), I::I64Load(stop_word(STOP, memory)), I::I64Or]);
        }
    }

    /// Ends the run if the top operand is negative. The global has the reason.
    fn end_if_negative(&mut self) {
        self.code.add(&[I::I64Const(0), I::I64LtS]);
        self.end_if(false);
    }

    /// Ends the run if the top operand is true. With `publish`, the global receives the reason.
    fn end_if(&mut self, publish: bool) {
        self.code.branch(Likely::NotTaken);
        if let Some(fuel) = self.locals.fuel.filter(|_| publish) {
            self.code.add(&[I::LocalGet(fuel), I::GlobalSet(self.counters.fuel)]);
        }
        self.code.add(&[I::Unreachable, I::End]);
    }

    /// Replaces every NaN in the top operand by the canonical one of the profile.
    fn make_canonical(&mut self, Canonical { shape, negative, .. }: &Canonical) {
        let ty = value_type(*shape);
        let Some(value) = self.locals.value(ty) else { return };
        let nan = Profile::V1.nan;
        let (bits32, bits64) = if *negative { (nan.f32 | 1 << 31, nan.f64 | 1 << 63) } else { (nan.f32, nan.f64) };
        // `x >= x` is false for a NaN alone, and one comparison with one branch on most processors; `x == x` takes two.
        match shape {
            Shape::F32 => self.replace(value, &I::F32Ge, I::F32Const(f32::from_bits(bits32).into())),
            Shape::F64 => self.replace(value, &I::F64Ge, I::F64Const(f64::from_bits(bits64).into())),
            Shape::F32x4 => {
                let lane = u128::from(bits32);
                self.blend(value, lane | lane << 32 | lane << 64 | lane << 96, I::F32x4Eq);
            }
            Shape::F64x2 => {
                let lane = u128::from(bits64);
                self.blend(value, lane | lane << 64, I::F64x2Eq);
            }
        }
    }

    fn replace(&mut self, value: u32, is_number: &I<'static>, canonical: I<'static>) {
        self.code.add(&[I::LocalTee(value), I::LocalGet(value), is_number.clone()]);
        self.code.branch(Likely::Taken);
        self.code.add(&[I::Else, canonical, I::LocalSet(value), I::End, I::LocalGet(value)]);
    }

    #[expect(clippy::cast_possible_wrap, reason = "the bits count")]
    fn blend(&mut self, value: u32, canonical: u128, are_numbers: I<'static>) {
        self.code.add(&[
            I::LocalTee(value),
            I::V128Const(canonical as i128),
            I::LocalGet(value),
            I::LocalGet(value),
            are_numbers,
            I::V128Bitselect,
        ]);
    }
}

/// A word of the memory for stopping.
fn stop_word(offset: u64, memory_index: u32) -> MemArg {
    MemArg { offset, align: 3, memory_index }
}

/// The type in which values of a shape are kept.
pub(super) fn value_type(shape: Shape) -> ValType {
    match shape {
        Shape::F32 => ValType::F32,
        Shape::F64 => ValType::F64,
        Shape::F32x4 | Shape::F64x2 => ValType::V128,
    }
}

/// Where ways part or meet: the local has to have counted as far as the global.
fn is_control(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Block { .. }
            | Operator::TryTable { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrOnNull { .. }
            | Operator::BrOnNonNull { .. }
            | Operator::BrTable { .. }
            | Operator::Return
    )
}
