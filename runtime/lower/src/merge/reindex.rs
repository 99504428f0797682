//! Writes code and constants of one instance with the indices of the merged module.

use std::collections::BTreeSet;

use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{ConstExpr, Encode, Instruction};
use wasmparser::Operator;

use super::numbers::Spaces;
use crate::bounds::MAX_CONSTANT_BYTES;
use crate::error::LowerError;

pub(super) struct Reindex<'s> {
    pub(super) spaces: &'s Spaces,
    /// The indices of the module's types.
    pub(super) types: &'s [u32],
    pub(super) constants: &'s [Option<Vec<u8>>],
    pub(super) referred: &'s mut BTreeSet<u32>,
}

type Answer<T> = Result<T, Error<LowerError>>;

impl Reencode for Reindex<'_> {
    type Error = LowerError;

    fn function_index(&mut self, index: u32) -> Answer<u32> {
        Ok(self.spaces.functions.at(index))
    }

    fn table_index(&mut self, index: u32) -> Answer<u32> {
        Ok(self.spaces.tables.at(index))
    }

    fn memory_index(&mut self, index: u32) -> Answer<u32> {
        Ok(self.spaces.memories.at(index))
    }

    fn global_index(&mut self, index: u32) -> Answer<u32> {
        Ok(self.spaces.globals.at(index))
    }

    fn tag_index(&mut self, index: u32) -> Answer<u32> {
        Ok(self.spaces.tags.at(index))
    }

    fn element_index(&mut self, index: u32) -> Answer<u32> {
        Ok(self.spaces.elements + index)
    }

    fn data_index(&mut self, index: u32) -> Answer<u32> {
        Ok(self.spaces.data + index)
    }

    fn type_index(&mut self, index: u32) -> Answer<u32> {
        let missing = || Error::UserError(LowerError::inconsistent("a type"));
        self.types.get(index as usize).copied().ok_or_else(missing)
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Answer<Instruction<'a>> {
        if let Operator::RefFunc { function_index } = operator {
            self.referred.insert(self.spaces.functions.at(function_index));
        }
        wasm_encoder::reencode::utils::instruction(self, operator)
    }

    /// Constants may refer to imported globals only. What is imported from another instance is defined in the merged module,
    /// so its value takes its place.
    fn const_expr(&mut self, expression: wasmparser::ConstExpr<'_>) -> Answer<ConstExpr> {
        let mut operators = expression.get_operators_reader();
        let mut bytes = Vec::new();
        while !operators.is_end_then_eof() {
            let operator = operators.read()?;
            if let Operator::GlobalGet { global_index } = operator {
                let global = self.spaces.globals.at(global_index) as usize;
                let value = self.constants.get(global).and_then(Option::as_ref);
                let value = value.ok_or_else(|| Error::UserError(LowerError::inconsistent("a constant global")))?;
                bytes.extend_from_slice(value);
            } else {
                wasm_encoder::reencode::utils::instruction(self, operator)?.encode(&mut bytes);
            }
            if bytes.len() > MAX_CONSTANT_BYTES {
                let error = LowerError::too_large("bytes in a constant", bytes.len(), MAX_CONSTANT_BYTES);
                return Err(Error::UserError(error));
            }
        }
        Ok(ConstExpr::raw(bytes))
    }
}
