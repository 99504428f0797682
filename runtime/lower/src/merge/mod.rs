//! Writes one core module: all functions, memories, tables, globals and segments of all instances, one after the other.
//!
//! A module that is instantiated twice is written twice. Imports between instances become indices. What is left to import is
//! preview 1, for the support module.

mod instance;
mod numbers;
mod reindex;
mod signatures;

use std::collections::BTreeSet;

use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection, Module, NameMap,
    NameSection, TableSection, TagSection, ValType,
};

use crate::error::Result;
use crate::graph::Graph;
use instance::add_instance;
pub(crate) use numbers::Numbers;
pub(crate) use signatures::Signatures;

/// Module of the imports that are left.
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// A function that the lowering wrote.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) ty: u32,
    pub(crate) code: Function,
}

/// The sections, as they are filled instance by instance.
#[derive(Default)]
struct Sections {
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    tags: TagSection,
    elements: ElementSection,
    data: DataSection,
    code: CodeSection,
    names: NameMap,
    /// Initial values of globals that do not change, for the instances that import them.
    constants: Vec<Option<Vec<u8>>>,
    /// Functions that code refers to.
    referred: BTreeSet<u32>,
}

/// Writes the module. The functions `written` come after those of the instances; `_start` sets up what cannot be set up by
/// segments and calls the last of them.
pub(crate) fn merge(
    graph: &Graph<'_>,
    numbers: &Numbers,
    mut signatures: Signatures,
    written: Vec<Written>,
) -> Result<Vec<u8>> {
    let mut sections = Sections::default();
    let mut start = Function::new([]);
    // Once code of an instance has run, segments of later ones have to be written after it: it may have grown the table or
    // memory, and it may see what they write.
    let mut late = false;
    for id in 0..graph.core.len() {
        let setup = if late { Some(&mut start) } else { None };
        add_instance(&mut sections, graph, numbers, &mut signatures, id, setup)?;
        if let Some(function) = graph.core[id].module.start {
            start.instructions().call(numbers.function_in(graph, id, function)?);
            late = true;
        }
    }
    for _ in &graph.parents {
        let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        sections.globals.global(ty, &ConstExpr::i32_const(1));
    }
    let mut index = numbers.generated(0);
    for function in written {
        sections.names.append(index, &function.name);
        sections.functions.function(function.ty);
        sections.code.function(&function.code);
        index += 1;
    }
    start.instructions().call(index - 1).end();
    sections.names.append(index, "_start");
    sections.functions.function(signatures.intern(&[], &[]));
    sections.code.function(&start);
    if !sections.referred.is_empty() {
        sections.elements.declared(Elements::Functions(sections.referred.iter().copied().collect()));
    }
    finish(graph, &mut signatures, &sections, index)
}

fn finish(graph: &Graph<'_>, signatures: &mut Signatures, sections: &Sections, start: u32) -> Result<Vec<u8>> {
    let mut imports = ImportSection::new();
    let support = &graph.core[0].module;
    for import in &support.imports {
        if let wasmparser::TypeRef::Func(ty) = import.ty {
            let ty = signatures.intern_parsed(&support.types[ty as usize])?;
            imports.import(PREVIEW1, import.name, EntityType::Function(ty));
        }
    }
    let mut exports = ExportSection::new();
    // The memory of the support module, which alone calls preview 1.
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("_start", ExportKind::Func, start);
    let mut names = NameSection::new();
    names.functions(&sections.names);

    let mut module = Module::new();
    module.section(signatures.section());
    if !imports.is_empty() {
        module.section(&imports);
    }
    module.section(&sections.functions).section(&sections.tables).section(&sections.memories);
    // An engine without exceptions does not know this section.
    if !sections.tags.is_empty() {
        module.section(&sections.tags);
    }
    module.section(&sections.globals).section(&exports).section(&sections.elements);
    module.section(&DataCountSection { count: sections.data.len() });
    module.section(&sections.code).section(&sections.data).section(&names);
    Ok(module.finish())
}
