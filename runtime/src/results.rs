//! The results directory: `stdout`, `stderr`, `exitCode`, and one folder for each output. No other entries, no links,
//! portable names. `dirhash` hashes it.

use std::path::Path;

use cap_std::fs::Dir;

use bacalhau_tree::{Deadline, HostFailure, dirhash};

use crate::error::Error;
use crate::gate::quote;
use crate::vfs::fault::{Answer, Fault, Stop};
use crate::vfs::path::check_name;
use crate::vfs::{NodeId, Unkept};
use crate::wasi::World;
use bacalhau_receipt::{Claim, Job, Outcome, ResultFile};

/// Hashes the directory `filled`, renames it to `results` on the same file system, and returns the claim of the run of
/// `job` that made it. The job has its inputs' identities. It appears at `results` completely or not at all.
///
/// # Errors
/// When `results` exists, `filled` has invalid content, the host fails, or `deadline` passes before the rename.
pub fn claim_results(
    filled: &Path,
    results: &Path,
    job: Job,
    outcome: Outcome,
    fuel: u64,
    deadline: &Deadline,
) -> Result<Claim, Error> {
    check_free(results)?;
    let claim = claim(filled, job, outcome, fuel, deadline)?;
    std::fs::rename(filled, results).map_err(|error| HostFailure::at("move the results to", results, error))?;
    Ok(claim)
}

/// Hashes the directory `filled` and returns the claim of the run of `job` that made it.
///
/// # Errors
/// When `filled` has invalid content, the host fails, or `deadline` passes.
pub(crate) fn claim(filled: &Path, job: Job, outcome: Outcome, fuel: u64, deadline: &Deadline) -> Result<Claim, Error> {
    let job_cid = job.cid()?;
    let hashed = dirhash::hash_dir_until(filled, "results", deadline);
    // The last check of the deadline: afterwards there are results. A hash error may be caused by the deadline.
    deadline.check()?;
    let hashed = hashed.map_err(|error| HostFailure::new(error.to_string()))?;
    let files = hashed.files.iter().map(ResultFile::from).collect();
    Ok(Claim::new(job, job_cid, outcome, fuel, hashed.h1, files))
}

/// Results never replace anything.
pub(crate) fn check_free(results: &Path) -> Result<(), HostFailure> {
    match results.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) => Err(HostFailure::new(format!("{} exists already: results never replace anything", results.display()))),
    }
}

/// Whether a file or directory of the results may have this name: one that every machine can have.
pub fn is_result_name(name: &[u8]) -> bool {
    check_name(name).is_ok()
}

/// Files and links that are not in the results.
pub(crate) struct Left {
    /// Symbolic links in outputs.
    pub(crate) links: u64,
    /// Files outside of them.
    pub(crate) unkept: Unkept,
}

impl Left {
    /// Notes for the receipt. `outputs` are the directories that were kept.
    pub(crate) fn notes<'a>(&self, outputs: impl ExactSizeIterator<Item = &'a String>) -> Vec<String> {
        let links =
            (self.links > 0).then(|| format!("symbolic links that stayed in the sandbox, as all do: {}", self.links));
        links.into_iter().chain(unkept_note(&self.unkept, outputs)).collect()
    }
}

fn unkept_note<'a>(unkept: &Unkept, mut outputs: impl ExactSizeIterator<Item = &'a String>) -> Option<String> {
    let Unkept { count, listed } = unkept;
    let (files, kept) = match count {
        0 => return None,
        1 => ("1 file".into(), "was"),
        _ => (format!("{count} files"), "were"),
    };
    let place = match (outputs.len(), outputs.next()) {
        (1, Some(place)) => place,
        _ => "the outputs",
    };
    let names = listed.iter().map(|path| quote(path)).collect::<Vec<_>>().join(", ");
    let more = match count.saturating_sub(listed.len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{files} outside of {place} {kept} not kept: {names}{more}; a directory is kept if -o NAME:PATH names it"
    ))
}

/// Fills the empty directory `results` from a run, and returns what stayed in the sandbox. Files of the world are
/// moved, so it is unusable afterwards.
pub(crate) fn fill(
    results: &Dir,
    job: &Job,
    outcome: Outcome,
    world: &mut World,
    deadline: &Deadline,
) -> Result<Left, HostFailure> {
    let exit_code = outcome.exit_code().to_string();
    results.write("exitCode", exit_code).map_err(|error| HostFailure::io("write exitCode", error))?;
    export(results, job, world, deadline).map_err(|fault| match fault {
        Fault::Stop(Stop::Host(failure)) => failure,
        fault => HostFailure::new(format!("the results cannot be written: {fault:?}")),
    })
}

fn export(results: &Dir, job: &Job, world: &mut World, deadline: &Deadline) -> Answer<Left> {
    world.vfs.export_file(world.stdout, results, "stdout", deadline)?;
    world.vfs.export_file(world.stderr, results, "stderr", deadline)?;
    let mut links = 0;
    let places = places(job, world)?;
    measure(job, world, &places, deadline)?;
    let unkept = world.vfs.unkept(&places, deadline)?;
    for (name, place) in job.outputs.keys().zip(places) {
        let folder = results.create_dir(name).and_then(|()| results.open_dir(name));
        let folder =
            folder.map_err(|error| HostFailure::io(format!("make {name:?} in the results directory"), error))?;
        world.vfs.export_dir(place, &folder, &mut links, deadline)?;
    }
    Ok(Left { links, unkept })
}

/// The directories of the outputs. They are pinned: each is where it was put when the run began.
fn places(job: &Job, world: &mut World) -> Answer<Vec<NodeId>> {
    let place = |place: &String| world.vfs.resolve(NodeId::ROOT, place, false)?.existing(&world.vfs);
    job.outputs.values().map(place).collect()
}

/// The guest's quota counts a file once, whatever its number of names, but each name becomes a file in the results. The
/// host applies the same limit to those.
fn measure(job: &Job, world: &mut World, places: &[NodeId], deadline: &Deadline) -> Answer<()> {
    let mut bytes = 0;
    for place in places {
        world.vfs.measure_dir(*place, 0, &mut bytes, deadline)?;
    }
    let most = job.limits.output_bytes;
    if bytes > most {
        return Err(HostFailure::new(format!(
            "the outputs have {bytes} bytes where a file with several names counts under each, as it leaves, and the job's \
             output_bytes is {most}: raise it with --output-bytes, or link less"
        ))
        .into());
    }
    Ok(())
}
