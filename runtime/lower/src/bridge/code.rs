//! Code of one generated function: its locals and instructions.

use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, ValType};

/// A local variable.
pub(super) type Local = u32;

/// A function while it is written.
#[derive(Debug)]
pub(super) struct Code {
    params: u32,
    locals: Vec<ValType>,
    free: Vec<Local>,
    bytes: Vec<u8>,
}

impl Code {
    pub(super) fn new(params: &[ValType]) -> Self {
        Self { params: count(params), locals: Vec::new(), free: Vec::new(), bytes: Vec::new() }
    }

    /// A local that is zero until it is set.
    pub(super) fn fresh(&mut self, ty: ValType) -> Local {
        self.locals.push(ty);
        self.params + count(&self.locals) - 1
    }

    /// A local that holds anything until it is set.
    pub(super) fn local(&mut self, ty: ValType) -> Local {
        let same = |local: &Local| self.locals.get((*local - self.params) as usize) == Some(&ty);
        match self.free.iter().rposition(same) {
            Some(position) => self.free.swap_remove(position),
            None => self.fresh(ty),
        }
    }

    pub(super) fn i32(&mut self) -> Local {
        self.local(ValType::I32)
    }

    /// Gives a local back, whose value is not used any more.
    pub(super) fn release(&mut self, local: Local) {
        self.free.push(local);
    }

    /// Where instructions are added.
    pub(super) fn add(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.bytes)
    }

    /// Pops the top into a new local.
    pub(super) fn keep(&mut self, ty: ValType) -> Local {
        let local = self.local(ty);
        self.add().local_set(local);
        local
    }

    /// Pops a condition, and traps if it is not zero.
    pub(super) fn trap_if(&mut self) {
        self.add().if_(BlockType::Empty).unreachable().end();
    }

    /// Traps if an address is not aligned.
    pub(super) fn check_aligned(&mut self, address: Local, align: u32) {
        if align > 1 {
            self.add().local_get(address).i32_const((align - 1).cast_signed()).i32_and();
            self.trap_if();
        }
    }

    /// Pops a number of bytes (`i64`), and traps if a memory does not have that many from an address on.
    pub(super) fn check_inside(&mut self, memory: u32, address: Local) {
        self.add().local_get(address).i64_extend_i32_u().i64_add();
        self.add().memory_size(memory).i64_extend_i32_u().i64_const(16).i64_shl().i64_gt_u();
        self.trap_if();
    }

    /// Traps unless this many bytes are in memory, aligned.
    pub(super) fn check_place(&mut self, memory: u32, address: Local, size: u32, align: u32) {
        self.check_aligned(address, align);
        self.add().i64_const(i64::from(size));
        self.check_inside(memory, address);
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn finish(mut self) -> Function {
        self.add().end();
        let mut function = Function::new_with_locals_types(self.locals);
        function.raw(self.bytes);
        function
    }
}

/// The operand of a load or store. The alignment is a promise to the engine that the canonical ABI's checks keep.
pub(super) fn at(memory_index: u32, offset: u32, align: u32) -> MemArg {
    MemArg { offset: u64::from(offset), align, memory_index }
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
