//! Writes one function anew: takes fuel block by block, takes and gives back its frame, and makes NaNs canonical.
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
//! A function of one block that calls nothing takes from the counter itself. Where fuel is taken `blocks` decides, the
//! price `stack`, the NaNs `nan`. A stop is an `unreachable`, never a call: a call would have to keep every value of
//! the loop safe, which costs up to 2.6 times (measured: why wasmtime's own fuel does).

use wasm_encoder::{BlockType, Instruction as I, MemArg};
use wasmparser::{Operator, ValType};

use super::blocks::Blocks;
use super::code::{Code, Likely};
use super::function::Function;
use super::locals::Locals;
use super::nan::{Canonical, Shape};
use super::operators::{self, Class};
use super::{LEAST_FUEL, STOP};
use crate::profile::Profile;

/// What the module has been given, by index.
#[derive(Clone, Copy)]
pub(super) struct Counters {
    /// The global that counts fuel.
    pub(super) fuel: u32,
    /// The global that counts slots of the stack.
    pub(super) stack: u32,
    /// The memory in which the host says that it wants the run to stop.
    pub(super) stop: Option<u32>,
}

/// What was decided about a function.
pub(super) struct Plan {
    pub(super) blocks: Blocks,
    /// Slots of the frame, if it is not free.
    pub(super) price: Option<i64>,
    pub(super) canonical: Vec<Canonical>,
    /// From nothing to the results of the function.
    pub(super) block: BlockType,
}

/// A function's body, and the outcomes of branches in it that are known.
pub(super) type Body = (Vec<u8>, Vec<(u32, Likely)>);

/// The new body, without its length in front. Nothing if it would have more locals than engines accept.
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
            // Who only calls from within a loop has looked at its head.
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
        let mut index = 0;
        let mut at_head = false;
        while let Some((operator, offset)) = function.operators.get(index) {
            if let Some(range) = dead.next_if(|range| range.start == index) {
                index = range.end;
                continue;
            }
            let next = function.operators.get(index + 1).map_or(function.end, |(_, offset)| *offset);
            self.code.copy_to(*offset);
            if std::mem::take(&mut at_head) {
                self.loop_head();
            }
            if let Some((_, fuel)) = charges.next_if(|(at, _)| *at == index) {
                self.charge(*fuel);
            }
            let class = operators::class(operator);
            self.before(operator, class);
            match operator {
                Operator::Return if self.wraps() => {
                    self.code.add(&[I::Br(self.depth)]);
                    self.code.skip_to(next);
                }
                Operator::End if self.depth == 0 => {
                    self.leave();
                    self.code.copy_to(next);
                }
                _ => self.code.copy_to(next),
            }
            self.after(operator, class);
            while let Some(canonical) = canonical.next_if(|canonical| canonical.operator <= index) {
                if canonical.operator == index {
                    self.make_canonical(canonical);
                }
            }
            at_head = matches!(operator, Operator::Loop { .. });
            index += 1;
        }
    }

    /// What an operator needs to find: operands are on the stack and stay there.
    fn before(&mut self, operator: &Operator<'_>, class: Class) {
        match class {
            Class::Call => self.publish(),
            Class::TailCall => {
                self.publish();
                self.give_back();
            }
            Class::Bulk => self.charge_size(),
            Class::GrowMemory | Class::GrowTable => {
                if let Some(count) = self.locals.count {
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

    fn after(&mut self, operator: &Operator<'_>, class: Class) {
        match class {
            Class::Call => self.behind = self.locals.fuel.is_some(),
            Class::GrowMemory => self.charge_growth(Profile::V1.fuel.page),
            Class::GrowTable => self.charge_growth(Profile::V1.fuel.element),
            _ => {}
        }
        match operator {
            Operator::Block { .. } | Operator::If { .. } => self.depth += 1,
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

    /// Takes fuel for the bytes or elements that the top operand says, and looks whether there was so much.
    fn charge_size(&mut self) {
        let Some(count) = self.locals.count else { return };
        self.catch_up();
        self.code.add(&[I::LocalTee(count)]);
        self.get_fuel();
        self.code.add(&[I::LocalGet(count), I::I64ExtendI32U, I::I64Sub]);
        self.set_fuel();
        self.publish();
        self.get_fuel();
        self.end_if_negative();
    }

    /// Takes fuel for what was added, unless the top operand says that nothing was.
    fn charge_growth(&mut self, each: u64) {
        let (Some(count), Some(grown)) = (self.locals.count, self.locals.grown) else { return };
        self.catch_up();
        self.code.add(&[I::LocalTee(grown), I::LocalGet(grown), I::I32Const(-1), I::I32Ne, I::If(BlockType::Empty)]);
        self.get_fuel();
        let each = i64::try_from(each).unwrap_or(i64::MAX);
        self.code.add(&[I::LocalGet(count), I::I64ExtendI32U, I::I64Const(each), I::I64Mul, I::I64Sub]);
        self.set_fuel();
        self.publish();
        self.get_fuel();
        self.end_if_negative();
        self.code.add(&[I::End]);
        self.ahead = true;
    }

    /// The end of the function: what was wrapped ends before it.
    fn leave(&mut self) {
        if self.wraps() {
            self.code.add(&[I::End]);
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

    /// Makes the top operand negative if the host wants the run to stop.
    fn or_stop(&mut self) {
        if let Some(memory) = self.counters.stop {
            self.code.add(&[I::I32Const(0), I::I64Load(stop_word(STOP, memory)), I::I64Or]);
        }
    }

    /// Ends the run if the top operand is negative. The global knows why.
    fn end_if_negative(&mut self) {
        self.code.add(&[I::I64Const(0), I::I64LtS]);
        self.end_if(false);
    }

    /// Ends the run if the top operand is true. With `publish`, the global is to know why.
    fn end_if(&mut self, publish: bool) {
        self.code.branch(Likely::NotTaken);
        if let Some(fuel) = self.locals.fuel.filter(|_| publish) {
            self.code.add(&[I::LocalGet(fuel), I::GlobalSet(self.counters.fuel)]);
        }
        self.code.add(&[I::Unreachable, I::End]);
    }

    /// The top operand, with every NaN in it replaced by the one that the profile says.
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
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
    )
}
