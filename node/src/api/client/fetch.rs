//! Results from the server, and data to it, as archives of blocks.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bacalhau_runtime::{HostFailure, Link, Tree, dirhash};
use rayon::ThreadPoolBuilder;

use super::super::data::Added;
use super::super::{CAR_TYPE, H1_HEADER};
use super::{ApiClient, ClientError};
use crate::cas::car::{CarFile, CarWriter};
use crate::cas::unixfs::import::{Profile, import};
use crate::cas::unixfs::{DagTree, Unpack, Unpacked};
use crate::cas::{Block, Cid, DataError};
use crate::temporary;

/// What results directories are hashed as.
const RESULTS: &str = "results";

impl ApiClient {
    /// Writes the archive of a shard's results to `sink` as it comes, unchecked, and says which hash they should have.
    ///
    /// # Errors
    /// When there are none, the answer breaks off, or `sink` fails.
    pub fn fetch_archive(&self, id: &str, shard: u32, sink: &mut dyn Write) -> Result<String, ClientError> {
        let job = self.resolve(id)?;
        let response = self.ask(&format!("/jobs/{job}/results/{shard}"), Some(&job))?;
        let h1 = response.headers().get(H1_HEADER).and_then(|h1| h1.to_str().ok()).map(str::to_owned);
        let h1 = h1.ok_or_else(|| self.odd(&"it does not say what hash the results have"))?;
        let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = reader.read(&mut buffer);
            let length = length.map_err(|error| ClientError::Broken(self.base.clone(), error.to_string()))?;
            if length == 0 {
                return Ok(h1);
            }
            sink.write_all(&buffer[..length]).map_err(|error| HostFailure::io("write the archive", error))?;
        }
    }

    /// Unpacks a shard's results to `target`, where nothing may be yet, and says their hash, which was checked. Nothing is
    /// there after an error.
    ///
    /// # Errors
    /// When there are none, or they are not what the server said; or the disk fails.
    pub fn fetch_results(
        &self,
        id: &str,
        shard: u32,
        target: &Path,
        bounds: Unpack,
    ) -> Result<(String, Unpacked), ClientError> {
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let made = std::fs::create_dir_all(parent).and_then(|()| temporary::dir_in(parent));
        let staging = made.map_err(|error| HostFailure::at("write to", parent, error))?;
        let path = staging.path().join("results.car");
        // What has come of an answer that broke off is no use.
        let expected = self.retries.run(&self.base, || {
            let mut file = File::create(&path).map_err(|error| HostFailure::at("write", &path, error))?;
            self.fetch_archive(id, shard, &mut file)
        })?;
        let finished = staging.path().join(RESULTS);
        let unpacked = unpack(&path, &staging.path().join("index"), &finished, bounds)?;
        let found = dirhash::hash_dir(&finished, RESULTS).map_err(|error| HostFailure::new(error.to_string()))?;
        if found.h1 != expected {
            return Err(ClientError::OtherResults { base: self.base.clone(), expected, found: found.h1 });
        }
        if target.symlink_metadata().is_ok() {
            return Err(HostFailure::new(format!("{} is there already: name another place", target.display())).into());
        }
        std::fs::rename(&finished, target).map_err(|error| HostFailure::at("write", target, error))?;
        Ok((found.h1, unpacked))
    }

    /// Brings a file or directory to the server's node, which keeps it for some hours, and says its CID.
    ///
    /// # Errors
    /// When it cannot be read, or the server does not take it.
    pub fn add_data(&self, tree: &dyn Tree) -> Result<Link, ClientError> {
        let profile = Profile::default();
        let root = import(tree, profile, &mut |_| Ok(()))?.cid;
        let added = self.retries.run(&self.base, || self.upload(tree, profile, &root))?;
        if added.roots != [Link::from(root)] {
            return Err(self.odd(&"it took other data than it was sent"));
        }
        Ok(root.into())
    }

    fn upload(&self, tree: &dyn Tree, profile: Profile, root: &Cid) -> Result<Added, ClientError> {
        let (reader, writer) = io::pipe().map_err(|error| HostFailure::io("make a pipe", error))?;
        // Threads of its own: they wait for the server.
        let pool = ThreadPoolBuilder::new().num_threads(1).build();
        let pool = pool.map_err(|error| HostFailure::new(format!("cannot start a thread: {error}")))?;
        let (sent, written) = thread::scope(|scope| {
            let writing = scope.spawn(|| pool.install(|| write(tree, profile, root, writer)));
            // The reader is dropped with the request: then the writer's pipe is broken, and it ends too.
            let sent = self.post_stream("/data", CAR_TYPE, reader);
            (sent, writing.join())
        });
        let written = written.unwrap_or_else(|_| Err(DataError::malformed("an archive", "it broke off")));
        match (sent, written) {
            (Ok(response), Ok(())) => self.json(response),
            // Where the server does not read any more, its answer says why.
            (Err(error), Ok(())) => Err(error),
            (Err(error), Err(written)) if is_broken_pipe(&written) => Err(error),
            (_, Err(written)) => Err(written.into()),
        }
    }
}

fn is_broken_pipe(error: &DataError) -> bool {
    matches!(error, DataError::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
}

fn write(tree: &dyn Tree, profile: Profile, root: &Cid, pipe: io::PipeWriter) -> Result<(), DataError> {
    let failed = |error| DataError::io("send the archive", error);
    let mut car = CarWriter::new(io::BufWriter::new(pipe), &[*root]).map_err(failed)?;
    let again = import(tree, profile, &mut |block: Block| car.write(&block).map_err(failed))?;
    if again.cid != *root {
        return Err(DataError::malformed(
            "the data",
            "it was changed while it was read; try again when it is finished",
        ));
    }
    car.finish().map(drop).map_err(failed)
}

fn unpack(archive: &Path, index: &Path, target: &Path, bounds: Unpack) -> Result<Unpacked, DataError> {
    let car = CarFile::open(archive, index)?;
    let [root] = car.roots() else {
        return Err(DataError::malformed("the archive of the results", "it does not have one root"));
    };
    let root = *root;
    let tree = DagTree::open(Arc::new(car), &root, "")?;
    bounds.write(&tree, target, &mut |_| ())
}
