//! Results as a DAG in the node's own store, pinned, from where `ipfs serve` hands them to everybody; and in a kubo, where
//! one is connected.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bacalhau_runtime::{HostFailure, HostTree, Link, Publication};

use super::{Finished, Publisher, check};
use crate::cas::car::CarWriter;
use crate::cas::store::Store;
use crate::cas::unixfs::import::{Profile, import};
use crate::cas::unixfs::{Bounds, Scope, Walk};
use crate::cas::{Block, Blocks, DataError};
use crate::exchange::Kubo;

/// The publisher `ipfs`.
#[derive(Debug)]
pub struct IpfsPublisher {
    store: Arc<Store>,
    kubos: Vec<Arc<Kubo>>,
    profile: Profile,
    peers: Vec<String>,
}

impl IpfsPublisher {
    /// Publishes into `store`, and into each of `kubos`. `peers` are the multiaddrs at which the store is served.
    pub fn new(store: Arc<Store>, kubos: Vec<Arc<Kubo>>, profile: Profile, peers: Vec<String>) -> Self {
        Self { store, kubos, profile, peers }
    }

    fn import(&self, results: &Path) -> Result<cid::Cid, DataError> {
        let tree =
            HostTree::open(results).map_err(|error| DataError::io(format!("open {}", results.display()), error))?;
        let writer = self.store.writer();
        let imported = import(&tree, self.profile, &mut |block: Block| writer.write(&block))?;
        // Pinned first: what is finished and not pinned may go.
        self.store.pin(&imported.cid, "results")?;
        writer.finish()?;
        Ok(imported.cid)
    }
}

impl Publisher for IpfsPublisher {
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure> {
        let Finished { dir: results, h1, .. } = *results;
        let failed = |error: DataError| HostFailure::new(format!("cannot publish {}: {error}", results.display()));
        let cid = self.import(results).map_err(failed)?;
        // After the import: what is in the store now is what was hashed, or the hash is another one.
        if let Err(changed) = check(results, h1) {
            self.store.unpin(&cid).map_err(failed)?;
            return Err(changed);
        }
        let mut places = self.peers.clone();
        for kubo in &self.kubos {
            push(&self.store, kubo, &cid).map_err(failed)?;
            places.push(crate::exchange::Provider::name(&**kubo));
        }
        Ok(Publication {
            publisher: "ipfs".into(),
            cid: Some(Link::from(cid)),
            import_profile: Some(self.profile.to_string()),
            places,
            steps: Vec::new(),
        })
    }
}

/// Sends an archive of the DAG to a kubo while it is written.
fn push(store: &Arc<Store>, kubo: &Kubo, root: &cid::Cid) -> Result<(), DataError> {
    let (reader, writer) = io::pipe().map_err(|error| DataError::io("make a pipe", error))?;
    let blocks: Arc<dyn Blocks> = Arc::clone(store) as _;
    thread::scope(|scope| {
        let writing = scope.spawn(move || {
            let failed = |error| DataError::io("write an archive", error);
            let mut car = CarWriter::new(writer, &[*root]).map_err(failed)?;
            for block in Walk::new(blocks, root, Scope::All, Bounds::default()) {
                let (cid, bytes) = block?;
                car.write(&Block::checked(cid, bytes)).map_err(failed)?;
            }
            car.finish().map(drop).map_err(failed)
        });
        let pushed = kubo.push(ReadAll(reader), root);
        // What went wrong while it was written explains why it was not taken, unless the other side hung up.
        let written = writing.join().unwrap_or_else(|_| Err(DataError::malformed("an archive", "it broke off")));
        match (pushed, written) {
            (Ok(()), written) => written,
            (Err(error), _) => Err(error),
        }
    })
}

/// The reading end of the pipe. It closes when the request is over, which ends the writer.
struct ReadAll(io::PipeReader);

impl Read for ReadAll {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}
