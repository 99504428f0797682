//! The results directory: `stdout`, `stderr`, `exitCode`, and one folder for each output. Nothing else, no links, no odd
//! names. Hashing it is `dirhash`'s business.

use std::path::Path;

use cap_std::fs::Dir;

use bacalhau_tree::{Deadline, HostFailure, dirhash};

use crate::error::Error;
use crate::job::Job;
use crate::outcome::Outcome;
use crate::receipt::{Claim, ResultFile};
use crate::vfs::NodeId;
use crate::vfs::fault::{Answer, Fault, Stop};
use crate::vfs::path::check_name;
use crate::wasi::World;

/// Hashes the directory `filled`, gives it the name `results` on the same file system, and says what a run of `job`
/// claims that left it. The job has its inputs' identities. It appears at `results` whole or not at all.
///
/// # Errors
/// When there is something at `results`, `filled` has what results cannot have, the host fails, or `deadline` passes before the
/// results have their name.
pub fn claim_results(
    filled: &Path,
    results: &Path,
    job: Job,
    outcome: Outcome,
    fuel: u64,
    deadline: &Deadline,
) -> Result<Claim, Error> {
    check_free(results)?;
    let job_cid = job.cid()?;
    let hashed = dirhash::hash_dir_until(filled, "results", deadline);
    // The last look at the clock: after this there are results. An error of the hash may be that of the deadline.
    deadline.check()?;
    let hashed = hashed.map_err(|error| HostFailure::new(error.to_string()))?;
    std::fs::rename(filled, results).map_err(|error| HostFailure::at("move the results to", results, error))?;
    let files = hashed.files.iter().map(ResultFile::from).collect();
    Ok(Claim { job_cid, job, outcome, fuel, h1: hashed.h1, files })
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

/// Fills the empty directory `results` with what a run leaves, and answers how many links stayed in the sandbox. The
/// world's files are moved: it is of no more use.
pub(crate) fn fill(
    results: &Dir,
    job: &Job,
    outcome: Outcome,
    world: &mut World,
    deadline: &Deadline,
) -> Result<u64, HostFailure> {
    let exit_code = outcome.exit_code().to_string();
    results.write("exitCode", exit_code).map_err(|error| HostFailure::io("write exitCode", error))?;
    export(results, job, world, deadline).map_err(|fault| match fault {
        Fault::Stop(Stop::Host(failure)) => failure,
        fault => HostFailure::new(format!("the results cannot be written: {fault:?}")),
    })
}

fn export(results: &Dir, job: &Job, world: &mut World, deadline: &Deadline) -> Answer<u64> {
    world.vfs.export_file(world.stdout, results, "stdout", deadline)?;
    world.vfs.export_file(world.stderr, results, "stderr", deadline)?;
    let mut links_dropped = 0;
    let places = places(job, world)?;
    measure(job, world, &places, deadline)?;
    for (name, place) in job.outputs.keys().zip(places) {
        let folder = results.create_dir(name).and_then(|()| results.open_dir(name));
        let folder =
            folder.map_err(|error| HostFailure::io(format!("make {name:?} in the results directory"), error))?;
        world.vfs.export_dir(place, &folder, &mut links_dropped, deadline)?;
    }
    Ok(links_dropped)
}

/// The directories of the outputs. They are pinned: each is where it was put when the run began.
fn places(job: &Job, world: &mut World) -> Answer<Vec<NodeId>> {
    let place = |place: &String| world.vfs.resolve(NodeId::ROOT, place, false)?.existing(&world.vfs);
    job.outputs.values().map(place).collect()
}

/// The quota of the guest counts a file once, whatever names it has, but it leaves under each of them. What leaves is held to
/// the same number by this host.
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
