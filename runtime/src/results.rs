//! The results directory: `stdout`, `stderr`, `exitCode`, and one folder for each output. Nothing else, no links, no odd
//! names. Hashing it is `dirhash`'s business.

use cap_std::fs::Dir;

use crate::error::HostFailure;
use crate::job::Job;
use crate::outcome::Outcome;
use crate::vfs::NodeId;
use crate::vfs::fault::{Answer, Fault, Stop};
use crate::wasi::World;

/// Fills the empty directory `results` with what a run leaves, and answers how many links stayed in the sandbox. The
/// world's files are moved: it is of no more use.
pub(crate) fn fill(results: &Dir, job: &Job, outcome: Outcome, world: &mut World) -> Result<u64, HostFailure> {
    let exit_code = outcome.exit_code().to_string();
    results.write("exitCode", exit_code).map_err(|error| HostFailure::io("write exitCode", error))?;
    export(results, job, world).map_err(|fault| match fault {
        Fault::Stop(Stop::Host(failure)) => failure,
        fault => HostFailure::new(format!("the results cannot be written: {fault:?}")),
    })
}

fn export(results: &Dir, job: &Job, world: &mut World) -> Answer<u64> {
    world.vfs.export_file(world.stdout, results, "stdout")?;
    world.vfs.export_file(world.stderr, results, "stderr")?;
    let mut links_dropped = 0;
    for (name, place) in &job.outputs {
        let folder = results.create_dir(name).and_then(|()| results.open_dir(name));
        let folder =
            folder.map_err(|error| HostFailure::io(format!("make {name:?} in the results directory"), error))?;
        // The folder is pinned: it is where it was put when the run began.
        let place = world.vfs.resolve(NodeId::ROOT, place, false)?.existing(&world.vfs)?;
        world.vfs.export_dir(place, &folder, &mut links_dropped)?;
    }
    Ok(links_dropped)
}
