//! Transfer of results and data as CAR archives.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bacalhau_tree::{HostFailure, Link, Tree, dirhash};

use super::{ApiClient, ClientError};
use bacalhau_api::{Added, CAR_TYPE, H1_HEADER};
use bacalhau_cas::{
    DataError,
    car::CarFile,
    unixfs::import::{Archive, Profile},
    unixfs::{DagTree, Unpack, Unpacked},
};
use bacalhau_files::temporary;

/// Name under which results directories are hashed.
const RESULTS: &str = "results";

impl ApiClient {
    /// Streams the unchecked archive of a shard's results to `sink`, and returns the announced hash.
    ///
    /// # Errors
    /// When there are none, the answer ends early, or `sink` fails.
    pub fn fetch_archive(&self, id: &str, shard: u32, sink: &mut dyn Write) -> Result<String, ClientError> {
        let job = self.resolve(id)?;
        let response = self.ask(&format!("/jobs/{job}/results/{shard}"), Some(&job))?;
        let h1 = response.headers().get(H1_HEADER).and_then(|h1| h1.to_str().ok()).map(str::to_owned);
        let h1 = h1.ok_or_else(|| self.odd(&"it does not announce the hash of the results"))?;
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

    /// Unpacks a shard's results to `target`, which must not exist, and returns their verified hash. Removes everything
    /// after an error.
    ///
    /// # Errors
    /// When there are none, they do not match the announced hash, or the disk fails.
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
        // A partial answer is discarded.
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
            return Err(HostFailure::new(format!("{} exists already: name another place", target.display())).into());
        }
        std::fs::rename(&finished, target).map_err(|error| HostFailure::at("write", target, error))?;
        Ok((found.h1, unpacked))
    }

    /// Uploads a file or directory to the server's node, which keeps it for some hours, and returns its CID.
    ///
    /// # Errors
    /// When it cannot be read, or the server rejects it.
    pub fn add_data(&self, tree: Arc<dyn Tree>) -> Result<Link, ClientError> {
        let archive = Archive::of(tree, Profile::default(), |_| ())?;
        let added = self.retries.run(&self.base, || self.upload(&archive))?;
        let root = Link::from(archive.imported().cid);
        if added.roots != [root] {
            return Err(self.odd(&"it received other data than was sent"));
        }
        Ok(root)
    }

    fn upload(&self, archive: &Archive) -> Result<Added, ClientError> {
        let (reader, writer) = io::pipe().map_err(|error| HostFailure::io("make a pipe", error))?;
        let (sent, written) = thread::scope(|scope| {
            let writing = scope.spawn(|| archive.write(io::BufWriter::new(writer), |_| ()).map(drop));
            // The reader is dropped with the request. Then the writer's pipe breaks, and it ends too.
            let sent = self.post_stream("/data", CAR_TYPE, reader);
            (sent, writing.join())
        });
        let written = written.unwrap_or_else(|_| Err(DataError::malformed("an archive", "it ended early")));
        match (sent, written) {
            (Ok(response), Ok(())) => self.json(response),
            // If the server stops reading, its answer has the reason.
            (Err(error), Ok(())) => Err(error),
            (Err(error), Err(written)) if is_broken_pipe(&written) => Err(error),
            (_, Err(written)) => Err(written.into()),
        }
    }
}

fn is_broken_pipe(error: &DataError) -> bool {
    matches!(error, DataError::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
}

fn unpack(archive: &Path, index: &Path, target: &Path, bounds: Unpack) -> Result<Unpacked, DataError> {
    let car = CarFile::open(archive, index)?;
    let [root] = car.roots() else {
        return Err(DataError::malformed("the archive of the results", "it does not have exactly one root"));
    };
    let root = *root;
    let tree = DagTree::open(Arc::new(car), &root, "")?;
    bounds.write(&tree, target, &mut |_| ())
}
