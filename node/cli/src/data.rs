//! Opens the module and the inputs of a command line. Reports downloads on standard error.

use bacalhau_runtime::{HostFailure, Kind};

use super::exit::Failure;
use super::mount::{self, Mount};
use super::progress_output::Ui;
use bacalhau_job::InputSpec;
use bacalhau_storage::{OpenInputs, Opened, Source, Sources, Storage, read_file};

/// Opens each input.
///
/// # Errors
/// When one cannot be read or fetched, or two have the same target path.
pub(super) fn open_inputs(sources: &Sources, ui: &Ui, mounts: &[Mount]) -> Result<OpenInputs, Failure> {
    named_inputs(sources, ui, mounts).map(|(_, inputs)| inputs)
}

fn is_dir(opened: &Opened, source: &Source) -> Result<bool, HostFailure> {
    let stat = opened.tree.stat("").map_err(|error| HostFailure::io(format!("read {}", source.recorded()), error))?;
    Ok(stat.kind == Kind::Dir)
}

/// Opens the inputs of `mounts`, keyed by target path.
///
/// # Errors
/// When one cannot be read or fetched, or two have the same target path.
pub(super) fn named_inputs(
    sources: &Sources,
    ui: &Ui,
    mounts: &[Mount],
) -> Result<(Vec<InputSpec>, OpenInputs), Failure> {
    let mut inputs = OpenInputs::default();
    let mut specs = Vec::new();
    for mount in mounts {
        let opened = open(sources, ui, &mount.source)?;
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
pub(super) fn read_module(sources: &Sources, ui: &Ui, source: &Source, max_bytes: u64) -> Result<Vec<u8>, Failure> {
    let tree = open(sources, ui, source)?.tree;
    let failed = |error| HostFailure::io(format!("read the module {source}"), error);
    let stat = tree.stat("").map_err(failed)?;
    if stat.kind != Kind::File {
        return Err(Failure::usage(format!("the module {source} is a directory: name the .wasm or .wat file in it")));
    }
    if stat.size > max_bytes {
        let size = stat.size;
        return Err(Failure::refused(format!(
            "the module {source} has {size} bytes, more than the limit of {max_bytes}: raise --module-size"
        )));
    }
    Ok(read_file(&*tree, max_bytes).map_err(failed)?)
}

fn open(sources: &Sources, ui: &Ui, source: &Source) -> Result<Opened, Failure> {
    let name = source.recorded();
    // If the size is unknown now, opening reports the error.
    if sources.has_locally(source).unwrap_or(false) {
        // Opening checks an unsealed copy and indexes a large archive.
        return Ok(ui.during(&format!("opening {name}"), || sources.open(source))?);
    }
    ui.say(format!("fetching {name}"));
    Ok(sources.open(source)?)
}
