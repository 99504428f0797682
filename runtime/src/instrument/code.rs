//! Output bytes of a function: copies of the original code with added instructions.
//!
//! No index of the module changes, so copied code is not decoded.

use wasm_encoder::{BlockType, Encode as _, Instruction};

/// A new body, without its length in front.
pub(super) struct Code<'a> {
    wasm: &'a [u8],
    /// How far the original was copied.
    copied: usize,
    bytes: Vec<u8>,
    /// Offsets of added `if`s with a likely outcome.
    pub(super) hints: Vec<(u32, Likely)>,
}

/// Likely outcome of an added branch. Affects only the layout of machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likely {
    Taken,
    NotTaken,
}

impl<'a> Code<'a> {
    /// Begins with room for a body of `size` bytes. `from` is the offset in `wasm` at which copying begins.
    pub(super) fn new(wasm: &'a [u8], from: usize, size: usize) -> Self {
        Self { wasm, copied: from, bytes: Vec::with_capacity(size + size / 4 + 64), hints: Vec::new() }
    }

    /// Declarations of locals, which come first.
    pub(super) fn declare(&mut self, groups: &[(u32, wasm_encoder::ValType)]) {
        groups.len().encode(&mut self.bytes);
        for (count, ty) in groups {
            count.encode(&mut self.bytes);
            ty.encode(&mut self.bytes);
        }
    }

    /// Copies the original up to `end`.
    pub(super) fn copy_to(&mut self, end: usize) {
        self.bytes.extend_from_slice(&self.wasm[self.copied..end]);
        self.copied = end;
    }

    /// Leaves out the original up to `end`.
    pub(super) fn skip_to(&mut self, end: usize) {
        self.copied = end;
    }

    pub(super) fn add(&mut self, instructions: &[Instruction<'_>]) {
        for instruction in instructions {
            instruction.encode(&mut self.bytes);
        }
    }

    /// An `if` without operands and results.
    pub(super) fn branch(&mut self, likely: Likely) {
        // A body is below 8 MB, or it is refused in the end.
        self.hints.push((u32::try_from(self.bytes.len()).unwrap_or(u32::MAX), likely));
        self.add(&[Instruction::If(BlockType::Empty)]);
    }

    pub(super) fn into_bytes(self) -> (Vec<u8>, Vec<(u32, Likely)>) {
        (self.bytes, self.hints)
    }
}
