//! Imports, exports and content of a module as data. `describe` fills it in.

use serde::{Deserialize, Serialize};

/// Properties of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Size of the binary.
    pub bytes: u64,
    /// Name of the oldest profile that has the module's language.
    pub profile: String,
    /// All imports, in order.
    pub imports: Vec<Import>,
    /// Everything it offers, in the order of the module.
    pub exports: Vec<Export>,
    /// Exported functions without parameters and results, which are valid as `--entry-point`.
    pub entry_points: Vec<String>,
    /// Linear memories.
    pub memories: Vec<Memory>,
    /// Tables.
    pub tables: Vec<Table>,
    /// How many functions it defines.
    pub functions: u32,
    /// Whether it has a start function, which runs before the entry point and is metered like other code.
    pub has_start_section: bool,
    /// Whether it is a library (`_initialize` and no `_start`): `_initialize` is called before the entry point.
    pub is_reactor: bool,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Name of the imported module, such as `wasi_snapshot_preview1`.
    pub module: String,
    /// Name of the import.
    pub name: String,
    /// Its type, such as `func (i32, i32) -> (i32)` or `memory 1..`.
    pub ty: String,
    /// Whether jobs have it, with this type.
    pub provided: bool,
}

impl Import {
    /// Whether it is a memory.
    pub(super) fn is_memory(&self) -> bool {
        self.ty.starts_with("memory ")
    }
}

/// Something that a module offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Name of the export.
    pub name: String,
    /// Its type, as in [`Import::ty`].
    pub ty: String,
}

/// A linear memory, in pages of 64 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Size at the start.
    pub min_pages: u64,
    /// The module's own bound; none means 65,536 pages.
    pub max_pages: Option<u64>,
}

/// A table of functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Size at the start.
    pub min_elements: u64,
    /// The module's own bound, if it has one.
    pub max_elements: Option<u64>,
}
