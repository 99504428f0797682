//! The chain of advertisements on the disk: a file for each block, named by its CID, and one that says which is the head and what is
//! advertised. Blocks are written before the state that names them, so a process that is killed leaves a chain that is whole.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use libp2p_identity::Keypair;
use serde::{Deserialize, Serialize};

use crate::advertisement::{Advertisement, BITSWAP, NO_ENTRIES};
use crate::entries::{CHUNK, MAX_CHUNKS, chunk};
use bacalhau_cas::{Cid, DataError, Hash};
use bacalhau_files::{private, temporary};

/// Largest block that is served.
const MAX_BLOCK_BYTES: u64 = 4 << 20;
/// Largest file of the state.
const MAX_STATE_BYTES: u64 = 64 << 20;
const STATE: &str = "state.json";

/// The chain of one node.
#[derive(Debug)]
pub(crate) struct Chain {
    dir: PathBuf,
    key: Keypair,
    state: State,
}

/// What is on the disk beside the blocks.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct State {
    head: Option<String>,
    /// Roots of what is advertised.
    roots: BTreeSet<String>,
    /// The addresses of the newest advertisement.
    addresses: Vec<String>,
}

impl Chain {
    /// The chain in `dir`, which is made if it is not there. Advertisements are signed by `key`.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub(crate) fn open(dir: &Path, key: Keypair) -> Result<Self, DataError> {
        private::create_dir_all(dir).map_err(|error| at("make", dir, error))?;
        let path = dir.join(STATE);
        let state = match fs::File::open(&path) {
            Ok(file) => {
                let mut bytes = Vec::new();
                file.take(MAX_STATE_BYTES).read_to_end(&mut bytes).map_err(|error| at("read", &path, error))?;
                serde_json::from_slice(&bytes).map_err(|error| {
                    let why = format!("{error}; remove the directory {} to begin a new chain", dir.display());
                    DataError::malformed(path.display().to_string(), why)
                })?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(at("read", &path, error)),
        };
        Ok(Self { dir: dir.into(), key, state })
    }

    /// The newest advertisement.
    pub(crate) fn head(&self) -> Option<Cid> {
        self.state.head.as_ref()?.parse().ok()
    }

    /// Roots of what is advertised.
    pub(crate) fn roots(&self) -> BTreeSet<Cid> {
        self.state.roots.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Whether the newest advertisement has these addresses.
    pub(crate) fn has_addresses(&self, addresses: &[String]) -> bool {
        self.state.addresses == addresses
    }

    /// Advertises the blocks `hashes` of the DAG of `root`.
    ///
    /// # Errors
    /// Those of `hashes`, and when something cannot be written. Nothing is advertised then.
    pub(crate) fn add(
        &mut self,
        root: &Cid,
        addresses: &[String],
        hashes: impl Iterator<Item = Result<Hash, DataError>>,
    ) -> Result<(), DataError> {
        let mut state = State { addresses: addresses.to_vec(), ..self.state.clone() };
        let (mut pending, mut next, mut chunks) = (Vec::new(), None, 0);
        for hash in hashes {
            pending.push(hash?.to_bytes());
            if pending.len() == CHUNK {
                next = Some(self.write(chunk(std::mem::take(&mut pending), next)?)?);
                chunks += 1;
            }
            if chunks == MAX_CHUNKS {
                self.advertise(&mut state, root, next.take(), false)?;
                chunks = 0;
            }
        }
        if !pending.is_empty() {
            next = Some(self.write(chunk(pending, next)?)?);
        }
        if next.is_some() {
            self.advertise(&mut state, root, next, false)?;
        }
        state.roots.insert(root.to_string());
        self.commit(state)
    }

    /// Says that the DAG of `root` is not to be had here any more.
    ///
    /// # Errors
    /// When something cannot be written.
    pub(crate) fn remove(&mut self, root: &Cid) -> Result<(), DataError> {
        let mut state = self.state.clone();
        state.roots.remove(&root.to_string());
        self.advertise(&mut state, root, None, true)?;
        self.commit(state)
    }

    /// Says that all that is advertised is to be had at these addresses.
    ///
    /// # Errors
    /// When something cannot be written.
    pub(crate) fn readdress(&mut self, addresses: &[String]) -> Result<(), DataError> {
        let mut state = State { addresses: addresses.to_vec(), ..self.state.clone() };
        if state.head.is_some() {
            // Without metadata an advertisement is one of addresses only.
            let ad = Advertisement { metadata: Vec::new(), context: Vec::new(), ..self.next(&state)? };
            state.head = Some(self.write(ad.sign(&self.key)?)?.to_string());
        }
        self.commit(state)
    }

    fn advertise(
        &self,
        state: &mut State,
        root: &Cid,
        entries: Option<Cid>,
        is_removal: bool,
    ) -> Result<(), DataError> {
        let next = self.next(state)?;
        let ad =
            Advertisement { context: root.to_bytes(), entries: entries.unwrap_or(next.entries), is_removal, ..next };
        state.head = Some(self.write(ad.sign(&self.key)?)?.to_string());
        Ok(())
    }

    /// An advertisement behind the head, without entries.
    fn next(&self, state: &State) -> Result<Advertisement, DataError> {
        let cid = |text: &str| {
            text.parse::<Cid>()
                .map_err(|error| DataError::malformed(self.dir.join(STATE).display().to_string(), error.to_string()))
        };
        Ok(Advertisement {
            previous: state.head.as_deref().map(cid).transpose()?,
            provider: self.key.public().to_peer_id().to_string(),
            addresses: state.addresses.clone(),
            entries: cid(NO_ENTRIES)?,
            context: Vec::new(),
            metadata: BITSWAP.into(),
            is_removal: false,
        })
    }

    fn write(&self, (cid, bytes): (Cid, Bytes)) -> Result<Cid, DataError> {
        self.put(&cid.to_string(), &bytes)?;
        Ok(cid)
    }

    fn commit(&mut self, state: State) -> Result<(), DataError> {
        let bytes = serde_json::to_vec(&state)
            .map_err(|error| DataError::malformed("the state of advertisements", error.to_string()))?;
        self.put(STATE, &bytes)?;
        self.state = state;
        Ok(())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), DataError> {
        let path = self.dir.join(name);
        let written = temporary::written_in(&self.dir, bytes).and_then(|file| file.persist(&path));
        written.map_err(|error| at("write", &path, error))
    }
}

/// The block `cid` of the chain in `dir`, if it is there.
pub(crate) fn read(dir: &Path, cid: &Cid) -> Option<Bytes> {
    let file = fs::File::open(dir.join(cid.to_string())).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_BLOCK_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes.into())
}

fn at(what: &str, path: &Path, error: io::Error) -> DataError {
    DataError::io(format!("{what} {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use bacalhau_cas::{Block, Code};

    fn key() -> Keypair {
        Keypair::ed25519_from_bytes([7; 32]).unwrap()
    }

    fn root(text: &'static str) -> Cid {
        *Block::of(Code::Raw, text).cid()
    }

    fn hashes(count: usize) -> impl Iterator<Item = Result<Hash, DataError>> {
        (0..count).map(|number| Ok(*Block::of(Code::Raw, number.to_le_bytes().to_vec()).cid().hash()))
    }

    /// All advertisements, the newest first: context, entries, and whether it is a removal.
    fn walk(dir: &Path, head: Option<Cid>) -> Vec<(Value, usize, bool)> {
        let (mut ads, mut at) = (Vec::new(), head);
        while let Some(cid) = at {
            let ad: Value = serde_json::from_slice(&read(dir, &cid).unwrap()).unwrap();
            let (mut count, mut chunk) = (0, ad["Entries"]["/"].as_str().map(str::to_owned));
            while let Some(name) = chunk.filter(|name| name != NO_ENTRIES) {
                let block: Value = serde_json::from_slice(&read(dir, &name.parse().unwrap()).unwrap()).unwrap();
                count += block["Entries"].as_array().unwrap().len();
                chunk = block["Next"]["/"].as_str().map(str::to_owned);
            }
            ads.push((ad["ContextID"].clone(), count, ad["IsRm"].as_bool().unwrap()));
            at = ad["PreviousID"]["/"].as_str().map(|text| text.parse().unwrap());
        }
        ads
    }

    #[test]
    fn a_chain_grows_and_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let addresses = ["/ip4/8.8.8.8/tcp/4001".to_owned()];
        let mut chain = Chain::open(dir.path(), key()).unwrap();
        assert_eq!(chain.head(), None);
        chain.add(&root("a"), &addresses, hashes(CHUNK + 3)).unwrap();
        chain.add(&root("b"), &addresses, hashes(1)).unwrap();
        let mut chain = Chain::open(dir.path(), key()).unwrap();
        assert_eq!(chain.roots(), [root("a"), root("b")].into());
        assert!(chain.has_addresses(&addresses));
        chain.remove(&root("a")).unwrap();
        assert_eq!(chain.roots(), [root("b")].into());
        let ads = walk(dir.path(), chain.head());
        let counts: Vec<(usize, bool)> = ads.iter().map(|(_, count, removal)| (*count, *removal)).collect();
        assert_eq!(counts, [(0, true), (1, false), (CHUNK + 3, false)]);
        assert!(ads[0].0 == ads[2].0 && ads[0].0 != ads[1].0, "the removal has the context of what it removes");
        chain.readdress(&["/ip4/9.9.9.9/tcp/4001".into()]).unwrap();
        assert_eq!(walk(dir.path(), chain.head()).len(), 4);
    }

    #[test]
    fn what_cannot_be_read_is_not_advertised() {
        let dir = tempfile::tempdir().unwrap();
        let mut chain = Chain::open(dir.path(), key()).unwrap();
        let broken = hashes(2).chain([Err(DataError::missing(&root("x"), "gone"))]);
        assert!(chain.add(&root("a"), &[], broken).is_err());
        assert_eq!((chain.head(), chain.roots().len()), (None, 0));
        fs::write(dir.path().join(STATE), "{").unwrap();
        let said = Chain::open(dir.path(), key()).unwrap_err().to_string();
        assert!(said.contains("to begin a new chain"), "{said}");
    }
}
