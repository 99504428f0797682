//! The types of functions of the merged module, each once.

use std::collections::BTreeMap;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{TypeSection, ValType};

use crate::error::{LowerError, Result};

/// Parameters and results of a function.
type Signature = (Vec<ValType>, Vec<ValType>);

#[derive(Debug, Default)]
pub(crate) struct Signatures {
    indices: BTreeMap<Signature, u32>,
    section: TypeSection,
}

impl Signatures {
    /// The index of this type.
    pub(crate) fn intern(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let next = self.section.len();
        *self.indices.entry((params.to_vec(), results.to_vec())).or_insert_with(|| {
            self.section.ty().function(params.iter().copied(), results.iter().copied());
            next
        })
    }

    pub(crate) fn intern_parsed(&mut self, ty: &wasmparser::FuncType) -> Result<u32> {
        let convert = |types: &[wasmparser::ValType]| {
            types
                .iter()
                .map(|ty| RoundtripReencoder.val_type(*ty))
                .collect::<std::result::Result<Vec<_>, _>>()
                .map_err(|error| LowerError::Invalid(error.to_string()))
        };
        Ok(self.intern(&convert(ty.params())?, &convert(ty.results())?))
    }

    pub(super) fn section(&self) -> &TypeSection {
        &self.section
    }
}
