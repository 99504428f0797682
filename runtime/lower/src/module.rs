//! Reads a core module: its index spaces, and its sections as they are.

use std::collections::BTreeMap;
use std::fmt;

use wasmparser::{
    CompositeInnerType, Data, Element, ExternalKind, FuncType, FunctionBody, Global, KnownCustom, MemoryType, Name,
    Parser, Payload, RecGroup, TableType, TypeRef,
};

use crate::error::{LowerError, Result};

/// A valid core module. Items of an index space that are imported come first in it.
#[derive(Default)]
pub(crate) struct Module<'a> {
    pub(crate) types: Vec<FuncType>,
    pub(crate) imports: Vec<Import<'a>>,
    pub(crate) exports: BTreeMap<&'a str, (ExternalKind, u32)>,
    /// The type of each function that it defines.
    pub(crate) functions: Vec<u32>,
    pub(crate) tables: Vec<TableType>,
    pub(crate) memories: Vec<MemoryType>,
    pub(crate) globals: Vec<Global<'a>>,
    pub(crate) tags: Vec<u32>,
    pub(crate) start: Option<u32>,
    pub(crate) elements: Vec<Element<'a>>,
    pub(crate) data: Vec<Data<'a>>,
    pub(crate) bodies: Vec<FunctionBody<'a>>,
    /// Names of functions, by their index.
    pub(crate) names: BTreeMap<u32, &'a str>,
    /// The imports of each kind.
    pub(crate) imported: Imported,
    /// Bytes of bodies, data and element segments.
    pub(crate) bytes: usize,
}

/// An import.
#[derive(Debug)]
pub(crate) struct Import<'a> {
    pub(crate) module: &'a str,
    pub(crate) name: &'a str,
    pub(crate) ty: TypeRef,
}

/// Positions among the imports, by kind.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    functions: Vec<usize>,
    tables: Vec<usize>,
    memories: Vec<usize>,
    globals: Vec<usize>,
    tags: Vec<usize>,
}

impl fmt::Debug for Module<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<'a> Module<'a> {
    /// Reads a module that is valid.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            module.add(payload?)?;
        }
        Ok(module)
    }

    fn add(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    self.add_types(group?)?;
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.imported.add(import.ty, self.imports.len());
                    self.imports.push(Import { module: import.module, name: import.name, ty: import.ty });
                }
            }
            Payload::FunctionSection(section) => extend(&mut self.functions, section)?,
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table?.ty);
                }
            }
            Payload::MemorySection(section) => extend(&mut self.memories, section)?,
            Payload::GlobalSection(section) => extend(&mut self.globals, section)?,
            Payload::TagSection(section) => {
                for tag in section {
                    self.tags.push(tag?.func_type_idx);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.exports.insert(export.name, (export.kind, export.index));
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => {
                self.bytes += section.range().len();
                extend(&mut self.elements, section)?;
            }
            Payload::DataSection(section) => {
                self.bytes += section.range().len();
                extend(&mut self.data, section)?;
            }
            Payload::CodeSectionEntry(body) => {
                self.bytes += body.range().len();
                self.bodies.push(body);
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    self.add_names(names);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add_types(&mut self, group: RecGroup) -> Result<()> {
        for ty in group.into_types() {
            let CompositeInnerType::Func(func) = ty.composite_type.inner else {
                return Err(LowerError::unsupported(
                    "a core module of the component has types of garbage collection, which jobs do not have",
                ));
            };
            self.types.push(func);
        }
        Ok(())
    }

    /// Names are for messages only, so what does not parse is left out.
    fn add_names(&mut self, names: wasmparser::NameSectionReader<'a>) {
        for subsection in names.into_iter().map_while(std::result::Result::ok) {
            if let Name::Function(map) = subsection {
                self.names
                    .extend(map.into_iter().map_while(std::result::Result::ok).map(|name| (name.index, name.name)));
            }
        }
    }
}

impl Imported {
    fn add(&mut self, ty: TypeRef, position: usize) {
        match kind_of(ty) {
            ExternalKind::Func | ExternalKind::FuncExact => &mut self.functions,
            ExternalKind::Table => &mut self.tables,
            ExternalKind::Memory => &mut self.memories,
            ExternalKind::Global => &mut self.globals,
            ExternalKind::Tag => &mut self.tags,
        }
        .push(position);
    }

    /// The positions of the imports of a kind.
    pub(crate) fn of(&self, kind: ExternalKind) -> &[usize] {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => &self.functions,
            ExternalKind::Table => &self.tables,
            ExternalKind::Memory => &self.memories,
            ExternalKind::Global => &self.globals,
            ExternalKind::Tag => &self.tags,
        }
    }

    /// How many functions are imported.
    pub(crate) fn functions(&self) -> u32 {
        u32::try_from(self.functions.len()).unwrap_or(u32::MAX)
    }
}

/// The kind of what an import is.
pub(crate) fn kind_of(ty: TypeRef) -> ExternalKind {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => ExternalKind::Func,
        TypeRef::Table(_) => ExternalKind::Table,
        TypeRef::Memory(_) => ExternalKind::Memory,
        TypeRef::Global(_) => ExternalKind::Global,
        TypeRef::Tag(_) => ExternalKind::Tag,
    }
}

fn extend<'a, T: wasmparser::FromReader<'a>>(
    into: &mut Vec<T>,
    section: wasmparser::SectionLimited<'a, T>,
) -> Result<()> {
    for item in section {
        into.push(item?);
    }
    Ok(())
}
