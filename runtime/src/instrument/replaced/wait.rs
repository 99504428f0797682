//! Waiting on a memory that was shared: one thread is never woken.

use wasm_encoder::{BlockType, Instruction as I, MemArg};
use wasmparser::{Operator, ValType};

use crate::instrument::types::ModuleTypes;

/// `memory.atomic.wait32` or `wait64` on a shared memory.
pub(super) struct Wait {
    address: wasmparser::MemArg,
    /// The expected value has 64 bits.
    is_64: bool,
    /// The address has.
    has_wide_address: bool,
}

impl Wait {
    pub(super) fn of(operator: &Operator<'_>, types: ModuleTypes<'_>) -> Option<Self> {
        let (address, is_64) = match operator {
            Operator::MemoryAtomicWait32 { memarg } => (*memarg, false),
            Operator::MemoryAtomicWait64 { memarg } => (*memarg, true),
            _ => return None,
        };
        types.is_shared(address.memory).then(|| Self { address, is_64, has_wide_address: types.is_64(address.memory) })
    }

    pub(super) fn locals(&self) -> &'static [ValType] {
        if self.is_64 { &[ValType::I64, ValType::I64] } else { &[ValType::I64, ValType::I32] }
    }

    /// `1` if the value is another than expected, `2` (timed out) if there is a timeout. Without one the wait would never
    /// end: then the operator itself is executed on the memory that is not shared any more, which is a trap of its own.
    /// The load has the checks of the address.
    pub(super) fn code(&self, timeout: u32, expected: u32) -> Vec<I<'static>> {
        let address =
            MemArg { offset: self.address.offset, align: self.address.align.into(), memory_index: self.address.memory };
        let first = MemArg { offset: 0, ..address };
        let (load, differs, zero, endless) = if self.is_64 {
            (I::I64AtomicLoad(address), I::I64Ne, I::I64Const(0), I::MemoryAtomicWait64(first))
        } else {
            (I::I32AtomicLoad(address), I::I32Ne, I::I32Const(0), I::MemoryAtomicWait32(first))
        };
        let result = || I::If(BlockType::Result(wasm_encoder::ValType::I32));
        vec![
            I::LocalSet(timeout),
            I::LocalSet(expected),
            load,
            I::LocalGet(expected),
            differs,
            result(),
            I::I32Const(1),
            I::Else,
            I::LocalGet(timeout),
            I::I64Const(0),
            I::I64LtS,
            result(),
            if self.has_wide_address { I::I64Const(0) } else { I::I32Const(0) },
            zero,
            I::I64Const(-1),
            endless,
            I::Else,
            I::I32Const(2),
            I::End,
            I::End,
        ]
    }
}
