//! What a module imports, exports and holds, as data for people and programs. `describe` fills it in.

use serde::{Deserialize, Serialize};

/// What a module is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Size of the binary.
    pub bytes: u64,
    /// Everything it wants from outside, in the order of the module.
    pub imports: Vec<Import>,
    /// Everything it offers, in the order of the module.
    pub exports: Vec<Export>,
    /// Exported functions without parameters and results: what `--entry-point` may name.
    pub entry_points: Vec<String>,
    /// Its linear memories.
    pub memories: Vec<Memory>,
    /// Its tables.
    pub tables: Vec<Table>,
    /// How many functions it defines.
    pub functions: u32,
    /// Whether it runs code of its own before its entry point. That code is metered like all other.
    pub has_start_section: bool,
    /// Whether it is a library (`_initialize` and no `_start`): `_initialize` is called before the entry point.
    pub is_reactor: bool,
}

/// Something that a module wants from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module it is asked from, such as `wasi_snapshot_preview1`.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// Its type, such as `func (i32, i32) -> (i32)` or `memory 1..`.
    pub ty: String,
    /// Whether jobs have it, with this type.
    pub provided: bool,
}

/// Something that a module offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its name.
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
