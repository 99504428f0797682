//! Opening what the command line names: the module as bytes, the inputs as trees. Says so when something is fetched.

use std::sync::Arc;

use bacalhau_runtime::{HostFailure, Inputs, Kind, Tree};

use super::exit::Failure;
use super::mount::Mount;
use super::talk::Talk;
use crate::storage::{Source, Sources, Storage};

/// Opens each input.
///
/// # Errors
/// When one cannot be read or fetched.
pub(super) fn open_inputs(sources: &Sources, talk: &Talk, mounts: &[Mount]) -> Result<Inputs, Failure> {
    let open = |mount: &Mount| Ok((mount.target.clone(), open(sources, talk, &mount.source)?));
    mounts.iter().map(open).collect()
}

/// Reads a module of at most `max_bytes`, binary or text.
///
/// # Errors
/// When it cannot be read or fetched, is a directory, or is larger.
pub(super) fn read_module(sources: &Sources, talk: &Talk, source: &Source, max_bytes: u64) -> Result<Vec<u8>, Failure> {
    let tree = open(sources, talk, source)?;
    let failed = |error| HostFailure::io(format!("read the module {source}"), error);
    let stat = tree.stat("").map_err(failed)?;
    if stat.kind != Kind::File {
        return Err(Failure::usage(format!("the module {source} is a directory: name the .wasm or .wat file in it")));
    }
    let length = usize::try_from(stat.size).ok().filter(|_| stat.size <= max_bytes).ok_or_else(|| {
        let size = stat.size;
        Failure::refused(format!(
            "the module {source} has {size} bytes, and {max_bytes} are allowed: see --module-size"
        ))
    })?;
    let mut bytes = vec![0; length];
    let read = tree.open("").and_then(|file| file.read_at(&mut bytes, 0)).map_err(failed)?;
    bytes.truncate(read);
    Ok(bytes)
}

fn open(sources: &Sources, talk: &Talk, source: &Source) -> Result<Arc<dyn Tree>, Failure> {
    if !sources.has_locally(source)? {
        talk.say(format!("fetching {}", source.recorded()));
    }
    Ok(sources.open(source)?)
}
