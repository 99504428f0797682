//! Arity of the types of a module. Missing types have none: the validator rejects them later.

use wasmparser::{BlockType, FuncType};

/// How many operands something takes and gives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Arity {
    pub(super) takes: u32,
    pub(super) gives: u32,
}

impl Arity {
    pub(super) fn new(takes: u32, gives: u32) -> Self {
        Self { takes, gives }
    }

    pub(super) fn sum(self) -> u64 {
        u64::from(self.takes) + u64::from(self.gives)
    }
}

/// The types of a module, and of which type each function is.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    types: Vec<Arity>,
    /// Type of each function, imported ones first.
    functions: Vec<u32>,
}

impl Signatures {
    pub(super) fn add_type(&mut self, ty: &FuncType) -> Arity {
        let count = |types: usize| u32::try_from(types).unwrap_or(u32::MAX);
        let arity = Arity::new(count(ty.params().len()), count(ty.results().len()));
        self.types.push(arity);
        arity
    }

    pub(super) fn add_function(&mut self, ty: u32) -> Arity {
        self.functions.push(ty);
        self.of_type(ty)
    }

    pub(super) fn of_type(&self, index: u32) -> Arity {
        self.types.get(index as usize).copied().unwrap_or_default()
    }

    pub(super) fn of_function(&self, index: u32) -> Arity {
        self.functions.get(index as usize).map_or_else(Arity::default, |ty| self.of_type(*ty))
    }

    pub(super) fn of_block(&self, ty: BlockType) -> Arity {
        match ty {
            BlockType::Empty => Arity::default(),
            BlockType::Type(_) => Arity::new(0, 1),
            BlockType::FuncType(index) => self.of_type(index),
        }
    }
}
