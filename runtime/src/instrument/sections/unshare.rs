//! The shared memory that a module imports becomes its own, since a job has one thread.

use std::borrow::Cow;
use std::ops::Range;

use wasm_encoder::{Encode, ExportKind, SectionId};
use wasmparser::{BinaryReader, Error, ImportSectionReader, MemoryType, TypeRef};

use super::{MOST_ENTRIES, MOST_MEMORIES, Sections, export, plain};
use crate::gate::{Refusal, RefusalKind, proposals};

/// The name under which the host finds the memory of a guest.
const MEMORY: &str = "memory";

/// A memory that is imported, and the bytes of its import in the section.
type Imported = (Range<usize>, MemoryType);

impl Sections<'_> {
    /// Defines the shared memory that is imported, and exports it as `memory` unless something is. It keeps its index:
    /// imported memories come first, and it is the only one.
    ///
    /// # Errors
    /// A shared memory is imported beside another memory.
    pub(in crate::instrument) fn define_shared_memory(&mut self) -> Result<(), Refusal> {
        let imported = self.imported_memories().map_err(|error| proposals::invalid(&error))?;
        if !imported.iter().any(|(_, memory)| memory.shared) {
            return Ok(());
        }
        let [(import, memory)] = imported.as_slice() else {
            let what = "the module imports a shared memory and another memory: import one, or none";
            return Err(Refusal::new(RefusalKind::Import, what));
        };
        self.remove_import(import).map_err(|error| proposals::invalid(&error))?;
        let mut entry = Vec::new();
        // A shared memory has a maximum.
        plain(memory, memory.maximum.unwrap_or(memory.initial)).encode(&mut entry);
        self.add(SectionId::Memory, "memories", MOST_MEMORIES, &[entry], &[])?;
        if self.exported.contains(&MEMORY) {
            return Ok(());
        }
        self.append(SectionId::Export, "exports", MOST_ENTRIES, &[export((MEMORY, ExportKind::Memory, 0))])
    }

    fn imported_memories(&self) -> Result<Vec<Imported>, Error> {
        let Some(contents) = &self.contents[usize::from(u8::from(SectionId::Import))] else { return Ok(Vec::new()) };
        let mut imports = Vec::new();
        for import in ImportSectionReader::new(BinaryReader::new(contents, 0))?.into_imports_with_offsets() {
            imports.push(import?);
        }
        let starts = imports.iter().map(|(start, _)| *start);
        let ends = starts.clone().skip(1).chain([contents.len()]);
        let memories = imports.iter().zip(starts.zip(ends)).filter_map(|((_, import), (start, end))| match import.ty {
            TypeRef::Memory(memory) => Some((start..end, memory)),
            _ => None,
        });
        Ok(memories.collect())
    }

    fn remove_import(&mut self, import: &Range<usize>) -> Result<(), Error> {
        let contents = &mut self.contents[usize::from(u8::from(SectionId::Import))];
        let Some(old) = contents.take() else { return Ok(()) };
        let mut reader = BinaryReader::new(&old, 0);
        let count = reader.read_var_u32()?;
        let mut new = Vec::with_capacity(old.len());
        count.saturating_sub(1).encode(&mut new);
        new.extend_from_slice(&old[reader.current_position()..import.start]);
        new.extend_from_slice(&old[import.end..]);
        *contents = Some(Cow::Owned(new));
        Ok(())
    }
}
