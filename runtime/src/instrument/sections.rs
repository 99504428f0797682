//! A module as its sections, each a slice of bytes: what is not touched is copied, what grows grows at its end.
//!
//! It does not look into function bodies.

use std::borrow::Cow;

use wasm_encoder::{ConstExpr, Encode, ExportKind, GlobalType, RawSection, SectionId, ValType};
use wasmparser::{BinaryReader, Error, Parser, Payload};

use super::{STACK_GLOBAL, START_FUNCTION};
use crate::gate::{Refusal, RefusalKind, proposals};

/// The order that the standard prescribes. The start section is left out on purpose, and there are no tags.
const ORDER: [SectionId; 11] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Global,
    SectionId::Export,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

/// Entries that engines accept in a section of types, globals or exports.
const MOST_ENTRIES: u32 = 1_000_000;

/// The contents of the sections of a module, without their headers.
pub(super) struct Sections<'a> {
    /// By section number.
    contents: [Option<Cow<'a, [u8]>>; 14],
    /// Every `name` section, header of the custom section included.
    names: Vec<&'a [u8]>,
    start: Option<u32>,
    /// Names of all exports.
    pub(super) exported: Vec<&'a str>,
}

impl<'a> Sections<'a> {
    pub(super) fn read(wasm: &'a [u8]) -> Result<Self, Refusal> {
        Self::read_all(wasm).map_err(|error| proposals::invalid(&error))
    }

    fn read_all(wasm: &'a [u8]) -> Result<Self, Error> {
        let mut sections = Self { contents: Default::default(), names: Vec::new(), start: None, exported: Vec::new() };
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::StartSection { func, .. } => sections.start = Some(*func),
                Payload::CustomSection(custom) if custom.name() == "name" => sections.names.push(&wasm[custom.range()]),
                Payload::ExportSection(exports) => {
                    for export in exports.clone() {
                        sections.exported.push(export?.name);
                    }
                }
                _ => {}
            }
            if let Some((id, range)) = payload.as_section()
                && let Some(contents) = sections.contents.get_mut(usize::from(id)).filter(|_| id > 0)
            {
                *contents = Some(Cow::Borrowed(&wasm[range]));
            }
        }
        Ok(sections)
    }

    /// Adds function types without parameters.
    pub(super) fn append_types(&mut self, results: &[Vec<wasmparser::ValType>]) -> Result<(), Refusal> {
        let mut entries = Vec::new();
        for results in results {
            let mut entry = vec![0x60];
            0_u32.encode(&mut entry);
            results.len().encode(&mut entry);
            for ty in results {
                let ty = ValType::try_from(*ty)
                    .map_err(|_| Refusal::new(RefusalKind::Invalid, format!("no type {ty} can be a result here")))?;
                ty.encode(&mut entry);
            }
            entries.push(entry);
        }
        if entries.is_empty() { Ok(()) } else { self.append(SectionId::Type, "types", &entries) }
    }

    /// Adds the counter, zero until the host sets it.
    pub(super) fn append_global(&mut self) -> Result<(), Refusal> {
        let mut entry = Vec::new();
        GlobalType { val_type: ValType::I64, mutable: true, shared: false }.encode(&mut entry);
        ConstExpr::i64_const(0).encode(&mut entry);
        self.append(SectionId::Global, "globals", &[entry])
    }

    /// Exports the counter, and what was the start section.
    pub(super) fn append_exports(&mut self, global: u32) -> Result<(), Refusal> {
        let start = self.start.map(|function| (START_FUNCTION, ExportKind::Func, function));
        let counter = (STACK_GLOBAL, ExportKind::Global, global);
        let entries: Vec<Vec<u8>> = [Some(counter), start].into_iter().flatten().map(export).collect();
        self.append(SectionId::Export, "exports", &entries)
    }

    pub(super) fn replace_code(&mut self, bodies: &[Vec<u8>]) {
        if bodies.is_empty() {
            return;
        }
        let mut contents = Vec::with_capacity(bodies.iter().map(|body| body.len() + 5).sum());
        bodies.len().encode(&mut contents);
        for body in bodies {
            body.encode(&mut contents);
        }
        self.contents[usize::from(u8::from(SectionId::Code))] = Some(Cow::Owned(contents));
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut module = wasm_encoder::Module::new();
        for id in ORDER.map(u8::from) {
            if let Some(data) = &self.contents[usize::from(id)] {
                module.section(&RawSection { id, data });
            }
        }
        for data in &self.names {
            module.section(&RawSection { id: SectionId::Custom.into(), data });
        }
        module.finish()
    }

    /// Adds entries at the end of a section, which need not be there yet.
    fn append(&mut self, id: SectionId, what: &str, entries: &[Vec<u8>]) -> Result<(), Refusal> {
        let contents = &mut self.contents[usize::from(u8::from(id))];
        let old = contents.take().unwrap_or(Cow::Borrowed(&[0]));
        let mut reader = BinaryReader::new(&old, 0);
        let count = reader.read_var_u32().map_err(|error| proposals::invalid(&error))?;
        let count = count.saturating_add(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        if count > MOST_ENTRIES {
            let message = format!("the module has {MOST_ENTRIES} {what}, which leaves no room for our own: use fewer");
            return Err(Refusal::new(RefusalKind::TooLarge, message));
        }
        let mut new = Vec::with_capacity(old.len() + 64);
        count.encode(&mut new);
        new.extend_from_slice(&old[reader.current_position()..]);
        new.extend(entries.iter().flatten());
        *contents = Some(Cow::Owned(new));
        Ok(())
    }
}

fn export((name, kind, index): (&str, ExportKind, u32)) -> Vec<u8> {
    let mut entry = Vec::new();
    name.encode(&mut entry);
    kind.encode(&mut entry);
    index.encode(&mut entry);
    entry
}
