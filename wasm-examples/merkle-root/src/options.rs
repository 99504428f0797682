//! The arguments: how long a chunk is, which files are wanted, which chunk is to be proved.
//!
//! Whether that chunk exists is known only after its file has been read.

use guest::{InputFile, Problem, Result};
use lexopt::prelude::*;

/// What the user asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) chunk_size: usize,
    proof: Option<(String, u64)>,
    files: Vec<String>,
}

/// A chunk is held in memory.
const MAX_CHUNK_SIZE: usize = 1 << 26;

impl Options {
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Self> {
        let mut options = Self { chunk_size: 1024, proof: None, files: Vec::new() };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("chunk-size") => options.chunk_size = parser.value()?.parse()?,
                Long("proof") => options.proof = Some(file_and_chunk(&parser.value()?.string()?)?),
                Value(file) => options.files.push(file.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        if (1..=MAX_CHUNK_SIZE).contains(&options.chunk_size) {
            Ok(options)
        } else {
            Err(Problem::Usage(format!("--chunk-size must be from 1 to {MAX_CHUNK_SIZE}")))
        }
    }

    /// The wanted ones of the files that are there, in the order of their names.
    pub(crate) fn choose(&self, mut files: Vec<InputFile>) -> Result<Vec<InputFile>> {
        if let Some(missing) = self.files.iter().find(|wanted| files.iter().all(|file| file.name != **wanted)) {
            let example = files.first().map_or("", |file| &file.name);
            return Err(Problem::Input(format!(
                "no file {missing:?} among the inputs; one that is there: {example:?}"
            )));
        }
        files.retain(|file| self.files.is_empty() || self.files.contains(&file.name));
        match &self.proof {
            Some((name, _)) if files.iter().all(|file| file.name != *name) => {
                Err(Problem::Usage(format!("--proof: {name:?} is not one of the files that are read")))
            }
            _ => Ok(files),
        }
    }

    /// The chunk of this file to prove, if any.
    pub(crate) fn proof_chunk(&self, file: &InputFile) -> Option<u64> {
        self.proof.as_ref().filter(|(name, _)| *name == file.name).map(|(_, chunk)| *chunk)
    }
}

fn file_and_chunk(text: &str) -> Result<(String, u64)> {
    let parts = text.rsplit_once(':').and_then(|(file, chunk)| Some((file.to_owned(), chunk.parse().ok()?)));
    parts.ok_or_else(|| Problem::Usage(format!("--proof {text:?} is not FILE:CHUNK, for example notes.txt:0")))
}
