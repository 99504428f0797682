//! The results directory: `stdout`, `stderr`, `exitCode`, and one folder for each output. It is put together beside its
//! place and appears there whole. Hashing it is `dirhash`'s business.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tempfile::TempDir;

use crate::error::{Error, HostFailure};
use crate::job::Job;
use crate::outcome::Outcome;
use crate::vfs::fault::{Fault, Stop};
use crate::vfs::{NodeId, Scratch};
use crate::wasi::World;

/// The directory in which a run works: beside its results, so that files are moved there and not copied.
#[derive(Debug)]
pub(crate) struct Staging {
    /// Removed, with what is in it, when the run is over in any way.
    place: TempDir,
    /// Where the results will be.
    target: PathBuf,
}

impl Staging {
    /// `target` must not exist yet, its parent must.
    pub(crate) fn new(target: &Path) -> Result<Self, HostFailure> {
        if target.symlink_metadata().is_ok() {
            return Err(HostFailure::new(format!("{} exists already: results never replace anything", target.display())));
        }
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let place = tempfile::Builder::new()
            .prefix(".bacalhau-run-")
            .tempdir_in(parent)
            .map_err(|error| HostFailure::at("make a working directory in", parent, error))?;
        Ok(Self { place, target: target.to_path_buf() })
    }

    /// Room for the files that the guest writes.
    pub(crate) fn scratch(&self) -> Result<Scratch, HostFailure> {
        self.make("scratch").map(Scratch::new)
    }

    /// Puts the results together and answers where they are for now, and how many links stayed in the sandbox.
    pub(crate) fn fill(&self, job: &Job, outcome: Outcome, world: &mut World) -> Result<(PathBuf, u64), Error> {
        let results = self.make("results")?;
        let exit_code = outcome.exit_code().to_string();
        results.write("exitCode", exit_code).map_err(|error| HostFailure::io("write exitCode", error))?;
        let dropped = export(job, world, &results).map_err(|fault| match fault {
            Fault::Stop(Stop::Host(failure)) => failure,
            Fault::Stop(stop) => HostFailure::new(format!("the results cannot be written: {stop}")),
            Fault::Errno(errno) => HostFailure::new(format!("the results cannot be written: {errno:?}")),
        })?;
        Ok((self.place.path().join("results"), dropped))
    }

    /// Moves the results to their place.
    pub(crate) fn publish(self) -> Result<(), HostFailure> {
        std::fs::rename(self.place.path().join("results"), &self.target)
            .map_err(|error| HostFailure::at("move the results to", &self.target, error))
    }

    fn make(&self, name: &str) -> Result<Dir, HostFailure> {
        let path = self.place.path().join(name);
        std::fs::create_dir(&path)
            .and_then(|()| Dir::open_ambient_dir(&path, ambient_authority()))
            .map_err(|error| HostFailure::at("make", &path, error))
    }
}

fn export(job: &Job, world: &mut World, results: &Dir) -> Result<u64, Fault> {
    world.vfs.export_file(world.stdout, results, "stdout")?;
    world.vfs.export_file(world.stderr, results, "stderr")?;
    let mut dropped = 0;
    for (name, place) in &job.outputs {
        let folder = results.create_dir(name).and_then(|()| results.open_dir(name));
        let folder = folder.map_err(|error| HostFailure::io(format!("make {name:?} in the results directory"), error))?;
        // The folder is pinned: it is where it was put when the run began.
        let place = world.vfs.resolve(NodeId::ROOT, place, false)?.existing(&world.vfs)?;
        world.vfs.export_dir(place, &folder, &mut dropped)?;
    }
    Ok(dropped)
}
