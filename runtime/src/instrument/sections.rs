//! A module as its sections, each a slice of bytes: unchanged ones are copied, others grow at their end.
//!
//! Function bodies are opaque.

mod unshare;

use std::borrow::Cow;

use wasm_encoder::{
    BranchHint, BranchHints, ConstExpr, Encode, ExportKind, GlobalType, MemoryType, RawSection, SectionId, ValType,
};
use wasmparser::{BinaryReader, Error, MemorySectionReader, Parser, Payload, TypeRef};

use super::body::{Body, Counters};
use super::code::Likely;
use super::{FUEL_GLOBAL, STACK_GLOBAL, START_FUNCTION, STOP_MEMORY, V2_MARK};
use crate::gate::{Refusal, RefusalKind, proposals, second};

/// The prescribed order. The start section is omitted on purpose.
const ORDER: [SectionId; 12] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Tag,
    SectionId::Global,
    SectionId::Export,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

/// Entries that engines accept in a section of types, globals or exports.
const MOST_ENTRIES: u32 = 1_000_000;
/// Maximum number of memories.
const MOST_MEMORIES: u32 = 100;

/// The contents of the sections of a module, without their headers.
pub(super) struct Sections<'a> {
    /// Content by section number.
    contents: [Option<Cow<'a, [u8]>>; 14],
    /// Every `name` section, header of the custom section included.
    names: Vec<&'a [u8]>,
    start: Option<u32>,
    hints: Option<BranchHints>,
    /// Number of imported functions, whose indices come first.
    imported_functions: u32,
    /// Names of all exports.
    pub(super) exported: Vec<&'a str>,
}

impl<'a> Sections<'a> {
    pub(super) fn read(wasm: &'a [u8]) -> Result<Self, Refusal> {
        Self::read_all(wasm).map_err(|error| proposals::invalid(&error))
    }

    fn read_all(wasm: &'a [u8]) -> Result<Self, Error> {
        let mut sections = Self {
            contents: Default::default(),
            names: Vec::new(),
            start: None,
            hints: None,
            imported_functions: 0,
            exported: Vec::new(),
        };
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::StartSection { func, .. } => sections.start = Some(*func),
                Payload::ImportSection(imports) => {
                    for import in imports.clone().into_imports() {
                        sections.imported_functions += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
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
    pub(super) fn append_types(&mut self, results: &[Vec<ValType>]) -> Result<(), Refusal> {
        let mut entries = Vec::new();
        for results in results {
            let mut entry = vec![0x60];
            0_u32.encode(&mut entry);
            results.encode(&mut entry);
            entries.push(entry);
        }
        if entries.is_empty() { Ok(()) } else { self.append(SectionId::Type, "types", MOST_ENTRIES, &entries) }
    }

    /// Adds the counters, zero until the host sets them, and the memory for the wish to stop, if there is to be one.
    pub(super) fn append_counters(&mut self, counters: Counters) -> Result<(), Refusal> {
        let mut entry = Vec::new();
        GlobalType { val_type: ValType::I64, mutable: true, shared: false }.encode(&mut entry);
        ConstExpr::i64_const(0).encode(&mut entry);
        self.append(SectionId::Global, "globals", MOST_ENTRIES, &[entry.clone(), entry])?;
        if counters.stop.is_some() {
            let mut entry = Vec::new();
            MemoryType { minimum: 1, maximum: Some(1), memory64: false, shared: false, page_size_log2: None }
                .encode(&mut entry);
            self.append(SectionId::Memory, "memories", MOST_MEMORIES, &[entry])?;
        }
        let fuel = (FUEL_GLOBAL, ExportKind::Global, counters.fuel);
        let stack = (STACK_GLOBAL, ExportKind::Global, counters.stack);
        let start = self.start.map(|function| (START_FUNCTION, ExportKind::Func, function));
        let stop = counters.stop.map(|memory| (STOP_MEMORY, ExportKind::Memory, memory));
        let entries: Vec<Vec<u8>> = [Some(fuel), Some(stack), start, stop].into_iter().flatten().map(export).collect();
        self.append(SectionId::Export, "exports", MOST_ENTRIES, &entries)
    }

    /// Marks a module that needs V2 for the host, and makes each of its memories plain, with the maximum that such a module has:
    /// the engine keeps exceptions in a memory of its own, which the host tells from those of the guest by that.
    pub(super) fn mark_v2(&mut self, counters: Counters) -> Result<(), Refusal> {
        self.bound_memories(second::most_memory_pages()).map_err(|error| proposals::invalid(&error))?;
        let mark = export((V2_MARK, ExportKind::Global, counters.fuel));
        self.append(SectionId::Export, "exports", MOST_ENTRIES, &[mark])
    }

    fn bound_memories(&mut self, most: u64) -> Result<(), Error> {
        let contents = &mut self.contents[usize::from(u8::from(SectionId::Memory))];
        let Some(old) = contents.take() else { return Ok(()) };
        let mut new = Vec::with_capacity(old.len() + 64);
        let memories = MemorySectionReader::new(BinaryReader::new(&old, 0))?;
        memories.count().encode(&mut new);
        for memory in memories {
            let memory = memory?;
            plain(&memory, memory.maximum.map_or(most, |maximum| maximum.min(most))).encode(&mut new);
        }
        *contents = Some(Cow::Owned(new));
        Ok(())
    }

    /// Replaces the function bodies, with their branch hints.
    pub(super) fn replace_code(&mut self, bodies: Vec<Body>) {
        if bodies.is_empty() {
            return;
        }
        let mut contents = Vec::with_capacity(bodies.iter().map(|(body, _)| body.len() + 5).sum());
        let mut hints = BranchHints::new();
        bodies.len().encode(&mut contents);
        for (index, (body, branches)) in (self.imported_functions..).zip(bodies) {
            body.encode(&mut contents);
            if !branches.is_empty() {
                hints.function_hints(index, branches.into_iter().map(hint));
            }
        }
        self.contents[usize::from(u8::from(SectionId::Code))] = Some(Cow::Owned(contents));
        self.hints = (!hints.is_empty()).then_some(hints);
    }

    /// The module. Each section is given back once it is written: with them all a large module would be held twice.
    pub(super) fn write(mut self) -> Vec<u8> {
        let mut module = wasm_encoder::Module::new();
        for id in ORDER.map(u8::from) {
            // The standard requires them before the code section.
            if let Some(hints) = self.hints.take_if(|_| id == u8::from(SectionId::Code)) {
                module.section(&hints);
            }
            if let Some(data) = self.contents[usize::from(id)].take() {
                module.section(&RawSection { id, data: &data });
            }
        }
        for data in &self.names {
            module.section(&RawSection { id: SectionId::Custom.into(), data });
        }
        module.finish()
    }

    /// Adds entries at the end of a section, which need not be there yet.
    fn append(&mut self, id: SectionId, what: &str, most: u32, entries: &[Vec<u8>]) -> Result<(), Refusal> {
        self.add(id, what, most, &[], entries)
    }

    /// Adds entries at the beginning and at the end of a section, which need not be there yet.
    fn add(
        &mut self,
        id: SectionId,
        what: &str,
        most: u32,
        first: &[Vec<u8>],
        last: &[Vec<u8>],
    ) -> Result<(), Refusal> {
        let contents = &mut self.contents[usize::from(u8::from(id))];
        let old = contents.take().unwrap_or(Cow::Borrowed(&[0]));
        let mut reader = BinaryReader::new(&old, 0);
        let count = reader.read_var_u32().map_err(|error| proposals::invalid(&error))?;
        let count = count.saturating_add(u32::try_from(first.len() + last.len()).unwrap_or(u32::MAX));
        if count > most {
            let message = format!(
                "the module has too many {what}: with those of the instrumentation there would be \
                more than {most}; use fewer"
            );
            return Err(Refusal::new(RefusalKind::TooLarge, message));
        }
        let mut new = Vec::with_capacity(old.len() + 64);
        count.encode(&mut new);
        new.extend(first.iter().flatten());
        new.extend_from_slice(&old[reader.current_position()..]);
        new.extend(last.iter().flatten());
        *contents = Some(Cow::Owned(new));
        Ok(())
    }
}

/// A memory that is not shared.
fn plain(memory: &wasmparser::MemoryType, maximum: u64) -> MemoryType {
    MemoryType {
        minimum: memory.initial,
        maximum: Some(maximum),
        memory64: memory.memory64,
        shared: false,
        page_size_log2: memory.page_size_log2,
    }
}

fn hint((offset, likely): (u32, Likely)) -> BranchHint {
    BranchHint { branch_func_offset: offset, branch_hint_value: u32::from(likely == Likely::Taken) }
}

fn export((name, kind, index): (&str, ExportKind, u32)) -> Vec<u8> {
    let mut entry = Vec::new();
    name.encode(&mut entry);
    kind.encode(&mut entry);
    index.encode(&mut entry);
    entry
}
