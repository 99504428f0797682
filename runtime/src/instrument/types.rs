//! Types of a module for the pass. The validator has checked that they exist.

use wasmparser::{BlockType, FuncType, SubType, ValType, types::Types};

/// Types of functions, blocks and memories. Those of functions are slices of parameters and results.
#[derive(Clone, Copy)]
pub(super) struct ModuleTypes<'a>(pub(super) &'a Types);

impl<'a> ModuleTypes<'a> {
    /// Parameters and results of a function, by its index.
    pub(super) fn of_function(self, function: u32) -> (&'a [ValType], &'a [ValType]) {
        let types = self.0.as_ref();
        parts(types.get(types.core_function_at(function)))
    }

    /// Parameters and results of a type, by its index.
    pub(super) fn of_type(self, index: u32) -> (&'a [ValType], &'a [ValType]) {
        let types = self.0.as_ref();
        parts(types.get(types.core_type_at_in_module(index)))
    }

    /// Whether a memory is shared.
    pub(super) fn is_shared(self, memory: u32) -> bool {
        self.0.as_ref().memory_at(memory).shared
    }

    /// How many parameters and results a block has.
    pub(super) fn arity_of_block(self, ty: BlockType) -> (usize, usize) {
        match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => {
                let (params, results) = self.of_type(index);
                (params.len(), results.len())
            }
        }
    }
}

fn parts(ty: Option<&SubType>) -> (&[ValType], &[ValType]) {
    ty.map(SubType::unwrap_func).map_or((&[], &[]), |ty: &FuncType| (ty.params(), ty.results()))
}
