//! Types of a module for the pass. The validator has checked that they exist.

use std::collections::BTreeMap;

use wasmparser::{
    BlockType, FuncType, HeapType, Operator, SubType, UnpackedIndex, ValType,
    types::{CoreTypeId, Types},
};

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

    /// An index of each type that the module defines.
    pub(super) fn indices(self) -> Indices {
        let types = self.0.as_ref();
        (0..types.core_type_count_in_module()).map(|index| (types.core_type_at_in_module(index), index)).collect()
    }

    /// Whether a memory is shared.
    pub(super) fn is_shared(self, memory: u32) -> bool {
        self.0.as_ref().memory_at(memory).shared
    }

    /// Whether an operator that is charged by an operand takes it with 64 bits: it is about a memory or table with 64-bit addresses,
    /// or about two.
    pub(super) fn has_wide_operand(self, operator: &Operator<'_>) -> bool {
        let types = self.0.as_ref();
        let memory = |index: u32| types.memory_at(index).memory64;
        let table = |index: u32| types.table_at(index).table64;
        match operator {
            Operator::MemoryGrow { mem } | Operator::MemoryFill { mem } => memory(*mem),
            Operator::MemoryCopy { dst_mem, src_mem } => memory(*dst_mem) && memory(*src_mem),
            Operator::TableGrow { table: at } | Operator::TableFill { table: at } => table(*at),
            Operator::TableCopy { dst_table, src_table } => table(*dst_table) && table(*src_table),
            // Segments have 32-bit offsets.
            _ => false,
        }
    }

    /// Whether the addresses of a memory have 64 bits.
    pub(super) fn is_64(self, memory: u32) -> bool {
        self.0.as_ref().memory_at(memory).memory64
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

/// Indices of types by their identity, which equal types share.
pub(super) type Indices = BTreeMap<CoreTypeId, u32>;

/// A type as it is encoded. None if the module cannot say it.
pub(super) fn encoded(ty: ValType, indices: &Indices) -> Option<wasm_encoder::ValType> {
    let ValType::Ref(reference) = ty else { return wasm_encoder::ValType::try_from(ty).ok() };
    let heap_type = match reference.heap_type() {
        HeapType::Concrete(UnpackedIndex::Id(id)) => wasm_encoder::HeapType::Concrete(*indices.get(&id)?),
        heap_type => wasm_encoder::HeapType::try_from(heap_type).ok()?,
    };
    Some(wasm_encoder::ValType::Ref(wasm_encoder::RefType { nullable: reference.is_nullable(), heap_type }))
}

fn parts(ty: Option<&SubType>) -> (&[ValType], &[ValType]) {
    ty.map(SubType::unwrap_func).map_or((&[], &[]), |ty: &FuncType| (ty.params(), ty.results()))
}
