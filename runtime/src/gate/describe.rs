//! Describes imports, exports and content of a valid module as text and data.

use wasmparser::{
    Error, FuncType, MemoryType, Parser, Payload, TableType, TypeRef, types::EntityType, types::TypesRef,
};

use super::inspection::{Export, Import, Inspection, Memory, Table};
use super::wasi;
use bacalhau_receipt::Profile;

/// Describes a module that is valid, with these types and in the language of `profile`.
pub(super) fn describe(wasm: &[u8], types: TypesRef<'_>, profile: &Profile) -> Result<Inspection, Error> {
    let mut module = Inspection {
        bytes: wasm.len() as u64,
        profile: profile.name.into(),
        imports: Vec::new(),
        exports: Vec::new(),
        entry_points: Vec::new(),
        memories: (0..types.memory_count()).map(|index| memory(types.memory_at(index))).collect(),
        tables: (0..types.table_count()).map(|index| table(types.table_at(index))).collect(),
        functions: 0,
        has_start_section: false,
        is_reactor: false,
    };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    module.imports.push(describe_import(types, &import?));
                }
            }
            Payload::FunctionSection(section) => module.functions = section.count(),
            Payload::ExportSection(section) => {
                for export in section {
                    describe_export(types, &export?, &mut module);
                }
            }
            Payload::StartSection { .. } => module.has_start_section = true,
            _ => {}
        }
    }
    let exports_function =
        |name| module.exports.iter().any(|export| export.name == name && export.ty.starts_with("func "));
    module.is_reactor = exports_function("_initialize") && !exports_function("_start");
    Ok(module)
}

fn memory(ty: MemoryType) -> Memory {
    Memory { min_pages: ty.initial, max_pages: ty.maximum }
}

fn table(ty: TableType) -> Table {
    Table { min_elements: ty.initial, max_elements: ty.maximum }
}

fn describe_import(types: TypesRef<'_>, import: &wasmparser::Import<'_>) -> Import {
    let function = match import.ty {
        TypeRef::Func(index) => types.get(types.core_type_at_in_module(index)).map(wasmparser::SubType::unwrap_func),
        _ => None,
    };
    let provided = match import.ty {
        TypeRef::Memory(memory) => wasi::provides_memory(import.module, import.name, memory),
        _ => function.is_some_and(|ty| {
            wasi::provides(import.module, import.name, ty)
                || has_shared_memory(types) && wasi::provides_to_threads(import.module, import.name, ty)
        }),
    };
    let entity = types.entity_type_from_import(import);
    Import {
        module: import.module.into(),
        name: import.name.into(),
        ty: entity.map_or_else(|| "unknown".into(), |entity| describe_type(types, entity)),
        provided,
    }
}

fn has_shared_memory(types: TypesRef<'_>) -> bool {
    (0..types.memory_count()).any(|index| types.memory_at(index).shared)
}

fn describe_export(types: TypesRef<'_>, export: &wasmparser::Export<'_>, module: &mut Inspection) {
    let entity = types.entity_type_from_export(export);
    let ty = entity.map_or_else(|| "unknown".into(), |entity| describe_type(types, entity));
    if ty == "func () -> ()" {
        module.entry_points.push(export.name.into());
    }
    module.exports.push(Export { name: export.name.into(), ty });
}

fn describe_type(types: TypesRef<'_>, entity: EntityType) -> String {
    match entity {
        EntityType::Func(id) | EntityType::FuncExact(id) => signature(types[id].unwrap_func()),
        EntityType::Table(ty) => {
            format!("table {}{} {}", width(ty.table64), range(ty.initial, ty.maximum), ty.element_type)
        }
        EntityType::Memory(ty) => format!("memory {}{}", width(ty.memory64), range(ty.initial, ty.maximum)),
        EntityType::Global(ty) if ty.mutable => format!("global mut {}", ty.content_type),
        EntityType::Global(ty) => format!("global {}", ty.content_type),
        EntityType::Tag(_) => "tag".into(),
    }
}

/// What stands before the limits of a memory or table with 64-bit addresses.
fn width(is_64: bool) -> &'static str {
    if is_64 { "i64 " } else { "" }
}

fn range(least: u64, most: Option<u64>) -> String {
    most.map_or_else(|| format!("{least}.."), |most| format!("{least}..={most}"))
}

/// A function's type as it is written in [`Import::ty`].
pub(super) fn signature(ty: &FuncType) -> String {
    format!("func {} -> {}", wasi::list(ty.params()), wasi::list(ty.results()))
}
