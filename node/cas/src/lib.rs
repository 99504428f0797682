//! Content-addressed data: blocks and their CIDs, UnixFS in and out, archives of blocks, the block store, Filecoin's
//! piece commitments. It has no network code: sources of blocks implement [`BlockSource`], through which trees are read.
//!
//! Import a directory as a DAG, and read it by its root:
//!
//! ```
//! use std::sync::Arc;
//!
//! use bacalhau_cas::memory::MemoryBlockstore;
//! use bacalhau_cas::unixfs::DagTree;
//! use bacalhau_cas::unixfs::import::{Profile, import};
//! use bacalhau_tree::{HostTree, Tree as _};
//!
//! let dir = tempfile::tempdir()?;
//! std::fs::write(dir.path().join("greeting"), "hello")?;
//!
//! let blocks = Arc::new(MemoryBlockstore::default());
//! let sink = Arc::clone(&blocks);
//! let imported = import(&HostTree::open(dir.path())?, Profile::default(), &mut move |block| {
//!     sink.put(block);
//!     Ok(())
//! })?;
//!
//! let tree = DagTree::open(blocks, &imported.cid, "")?;
//! let mut bytes = [0; 5];
//! tree.open("greeting")?.read_at(&mut bytes, 0)?;
//! assert_eq!(&bytes, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
pub mod car;
mod cid_path;
mod complete;
mod dag_cbor;
pub mod dag_pb;
mod error;
mod file_bytes;
mod hash;
mod links;
mod local_blockstore;
pub mod memory;
pub mod piece;
pub mod protobuf;
pub mod store;
pub mod unixfs;

use std::fmt;

use bytes::Bytes;

pub use bacalhau_tree::Cid;
pub use block::{Block, Code, DAG_PB, MAX_BLOCK_BYTES, RAW, canonical, check, identity_bytes};
pub use cid_path::decoded;
pub use cid_path::{CidPath, CidPathError};
pub use complete::{first_missing, is_complete};
pub use error::DataError;
pub use file_bytes::FileBytes;
pub use hash::{Hash, can_check, hash, hash_all};
pub use hash::{IDENTITY, SHA2_256};
pub use links::{has_links, links};
pub use local_blockstore::LocalBlockstore;

/// A source of blocks: an archive, the store, or the network behind it. Synchronous, because the reading program is;
/// implementations fetch on their own threads.
pub trait BlockSource: Send + Sync + fmt::Debug {
    /// The bytes of `cid`, **verified**: callers do not verify again. Blocks until they are available.
    ///
    /// # Errors
    /// [`DataError::Missing`] when no source has it; otherwise the error of the data.
    fn get(&self, cid: &Cid) -> Result<Bytes, DataError>;

    /// A hint that these blocks will be requested soon, in this order. Returns at once and never fails.
    fn soon(&self, _cids: &[Cid]) {}
}
