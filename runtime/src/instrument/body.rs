//! Puts the counter into one function: takes the price on entry, gives it back on every way out.
//!
//! ```text
//! stack -= price; if stack < 0 { unreachable }
//! block                 ;; what was a branch to the function's end is now one to the end of this block
//!   …                   ;; `return` becomes such a branch; a tail call gives the price back first
//! end
//! stack += price
//! ```
//!
//! All other operators are copied as they were encoded: no index moves, so none has to be read.

use wasm_encoder::{BlockType, Encode as _, Instruction};
use wasmparser::{Error, FunctionBody, Operator};

/// How to rewrite one function.
pub(super) struct Rewrite<'a> {
    /// The whole module, which the body is a part of.
    pub(super) wasm: &'a [u8],
    /// Index of the counter.
    pub(super) global: u32,
    /// Slots of the frame, more than zero.
    pub(super) price: i64,
    /// From nothing to the results of the function.
    pub(super) block: BlockType,
}

impl Rewrite<'_> {
    /// The new body, without its length in front.
    pub(super) fn body(&self, body: &FunctionBody<'_>) -> Result<Vec<u8>, Error> {
        let mut operators = body.get_operators_reader()?;
        let mut out = Vec::with_capacity(body.as_bytes().len() + 64);
        // From here to where the copying has not come yet.
        let mut copied = body.range().start;
        self.copy(&mut out, &mut copied, operators.original_position());
        self.enter(&mut out);
        let mut depth = 0_u32;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
                Operator::End if depth > 0 => depth -= 1,
                Operator::End => {
                    self.copy(&mut out, &mut copied, offset);
                    Instruction::End.encode(&mut out);
                    self.leave(&mut out);
                }
                Operator::Return => {
                    self.copy(&mut out, &mut copied, offset);
                    Instruction::Br(depth).encode(&mut out);
                    copied = operators.original_position();
                }
                Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } => {
                    self.copy(&mut out, &mut copied, offset);
                    self.leave(&mut out);
                }
                _ => {}
            }
        }
        self.copy(&mut out, &mut copied, operators.original_position());
        Ok(out)
    }

    /// Copies what lies between the last copied byte and `end`.
    fn copy(&self, out: &mut Vec<u8>, copied: &mut usize, end: usize) {
        out.extend_from_slice(&self.wasm[*copied..end]);
        *copied = end;
    }

    fn enter(&self, out: &mut Vec<u8>) {
        for instruction in [
            Instruction::GlobalGet(self.global),
            Instruction::I64Const(self.price),
            Instruction::I64Sub,
            Instruction::GlobalSet(self.global),
            Instruction::GlobalGet(self.global),
            Instruction::I64Const(0),
            Instruction::I64LtS,
            Instruction::If(BlockType::Empty),
            Instruction::Unreachable,
            Instruction::End,
            Instruction::Block(self.block),
        ] {
            instruction.encode(out);
        }
    }

    /// Gives the price back. Leaves the operands alone.
    fn leave(&self, out: &mut Vec<u8>) {
        for instruction in [
            Instruction::GlobalGet(self.global),
            Instruction::I64Const(self.price),
            Instruction::I64Add,
            Instruction::GlobalSet(self.global),
        ] {
            instruction.encode(out);
        }
    }
}
