//! Opening what the command line names: the module as bytes, the inputs as trees. Says so when something is fetched.

use bacalhau_runtime::{HostFailure, Kind};

use super::exit::Failure;
use super::mount::{self, Mount};
use super::talk::Talk;
use crate::job::InputSpec;
use crate::storage::{OpenInputs, Opened, Source, Sources, Storage, read_file};

/// Opens each input.
///
/// # Errors
/// When one cannot be read or fetched, or two would be at one place.
pub(super) fn open_inputs(sources: &Sources, talk: &Talk, mounts: &[Mount]) -> Result<OpenInputs, Failure> {
    named_inputs(sources, talk, mounts).map(|(_, inputs)| inputs)
}

fn is_dir(opened: &Opened, source: &Source) -> Result<bool, HostFailure> {
    let stat = opened.tree.stat("").map_err(|error| HostFailure::io(format!("read {}", source.recorded()), error))?;
    Ok(stat.kind == Kind::Dir)
}

/// Inputs of `mounts`, by the places at which they are seen, and open.
///
/// # Errors
/// As for [`open_inputs`].
pub(super) fn named_inputs(
    sources: &Sources,
    talk: &Talk,
    mounts: &[Mount],
) -> Result<(Vec<InputSpec>, OpenInputs), Failure> {
    let mut inputs = OpenInputs::default();
    let mut specs = Vec::new();
    for mount in mounts {
        let opened = open(sources, talk, &mount.source)?;
        let is_dir = mount.target.is_none() && is_dir(&opened, &mount.source)?;
        let target = mount.target(is_dir);
        mount::check_free(&target, &mount.source, inputs.trees.keys().map(String::as_str))?;
        specs.push(InputSpec { source: mount.source.to_string(), target: target.clone() });
        inputs.insert(target, &mount.source, opened);
    }
    Ok((specs, inputs))
}

/// Reads a module of at most `max_bytes`, binary or text.
///
/// # Errors
/// When it cannot be read or fetched, is a directory, or is larger.
pub(super) fn read_module(sources: &Sources, talk: &Talk, source: &Source, max_bytes: u64) -> Result<Vec<u8>, Failure> {
    let tree = open(sources, talk, source)?.tree;
    let failed = |error| HostFailure::io(format!("read the module {source}"), error);
    let stat = tree.stat("").map_err(failed)?;
    if stat.kind != Kind::File {
        return Err(Failure::usage(format!("the module {source} is a directory: name the .wasm or .wat file in it")));
    }
    if stat.size > max_bytes {
        let size = stat.size;
        return Err(Failure::refused(format!(
            "the module {source} has {size} bytes, and {max_bytes} are allowed: see --module-size"
        )));
    }
    Ok(read_file(&*tree, max_bytes).map_err(failed)?)
}

fn open(sources: &Sources, talk: &Talk, source: &Source) -> Result<Opened, Failure> {
    let name = source.recorded();
    // What cannot be found out now is an error of opening.
    if sources.has_locally(source).unwrap_or(false) {
        // An unsealed copy is checked when it is first used, and a large archive indexed.
        return Ok(talk.during(&format!("opening {name}"), || sources.open(source))?);
    }
    talk.say(format!("fetching {name}"));
    Ok(sources.open(source)?)
}
