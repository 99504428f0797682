//! Adds one core instance to the merged module.

use wasm_encoder::reencode::Reencode;
use wasm_encoder::{Encode, Function};
use wasmparser::{DataKind, ElementItems, ElementKind};

use super::Sections;
use super::numbers::{Numbers, Spaces};
use super::reindex::Reindex;
use super::signatures::Signatures;
use crate::error::Result;
use crate::graph::{CoreInstanceId, Graph};
use crate::module::Module;

/// Adds the instance. With `setup`, its active segments are written by this function instead.
pub(super) fn add_instance(
    sections: &mut Sections,
    graph: &Graph<'_>,
    numbers: &Numbers,
    signatures: &mut Signatures,
    id: CoreInstanceId,
    setup: Option<&mut Function>,
) -> Result<()> {
    let module = &*graph.core[id].module;
    let spaces = numbers.spaces(graph, id);
    let types = module.types.iter().map(|ty| signatures.intern_parsed(ty)).collect::<Result<Vec<_>>>()?;
    let constants = std::mem::take(&mut sections.constants);
    let mut referred = std::mem::take(&mut sections.referred);
    let mut reindex = Reindex { spaces: &spaces, types: &types, constants: &constants, referred: &mut referred };
    let mut more = Vec::new();
    add_definitions(sections, module, &mut reindex, &mut more)?;
    add_segments(sections, module, &spaces, &mut reindex, setup)?;
    for body in &module.bodies {
        reindex.parse_function_body(&mut sections.code, body.clone())?;
    }
    for (index, name) in &module.names {
        if index.checked_sub(module.imported.functions()).is_some_and(|index| index < len(module.functions.len())) {
            sections.names.append(spaces.functions.at(*index), name);
        }
    }
    sections.constants = constants;
    sections.constants.extend(more);
    sections.referred = referred;
    Ok(())
}

fn add_definitions(
    sections: &mut Sections,
    module: &Module<'_>,
    reindex: &mut Reindex<'_>,
    constants: &mut Vec<Option<Vec<u8>>>,
) -> Result<()> {
    for ty in &module.functions {
        sections.functions.function(reindex.type_index(*ty)?);
    }
    for ty in &module.tables {
        sections.tables.table(reindex.table_type(*ty)?);
    }
    for ty in &module.memories {
        sections.memories.memory(reindex.memory_type(*ty)?);
    }
    for ty in &module.tags {
        let func_type_idx = reindex.type_index(*ty)?;
        sections.tags.tag(wasm_encoder::TagType { kind: wasm_encoder::TagKind::Exception, func_type_idx });
    }
    for global in &module.globals {
        let value = reindex.const_expr(global.init_expr.clone())?;
        sections.globals.global(reindex.global_type(global.ty)?, &value);
        constants.push((!global.ty.mutable).then(|| operators(&value)));
    }
    Ok(())
}

/// The bytes of a constant without its end.
fn operators(value: &wasm_encoder::ConstExpr) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes.pop();
    bytes
}

fn add_segments(
    sections: &mut Sections,
    module: &Module<'_>,
    spaces: &Spaces,
    reindex: &mut Reindex<'_>,
    mut setup: Option<&mut Function>,
) -> Result<()> {
    for (index, element) in (spaces.elements..).zip(&module.elements) {
        let count = match &element.items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => items.count(),
        };
        let items = reindex.element_items(element.items.clone())?;
        match &element.kind {
            ElementKind::Passive => sections.elements.passive(items),
            ElementKind::Declared => sections.elements.declared(items),
            ElementKind::Active { table_index, offset_expr } => {
                let table = reindex.table_index(table_index.unwrap_or(0))?;
                let offset = reindex.const_expr(offset_expr.clone())?;
                if let Some(setup) = &mut setup {
                    setup.raw(operators(&offset));
                    setup
                        .instructions()
                        .i32_const(0)
                        .i32_const(count.cast_signed())
                        .table_init(table, index)
                        .elem_drop(index);
                    sections.elements.passive(items)
                } else {
                    sections.elements.active(Some(table), &offset, items)
                }
            }
        };
    }
    for (index, data) in (spaces.data..).zip(&module.data) {
        match &data.kind {
            DataKind::Passive => sections.data.passive(data.data.iter().copied()),
            DataKind::Active { memory_index, offset_expr } => {
                let memory = reindex.memory_index(*memory_index)?;
                let offset = reindex.const_expr(offset_expr.clone())?;
                if let Some(setup) = &mut setup {
                    let count = len(data.data.len()).cast_signed();
                    setup.raw(operators(&offset));
                    setup.instructions().i32_const(0).i32_const(count).memory_init(memory, index).data_drop(index);
                    sections.data.passive(data.data.iter().copied())
                } else {
                    sections.data.active(memory, &offset, data.data.iter().copied())
                }
            }
        };
    }
    Ok(())
}

fn len(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
