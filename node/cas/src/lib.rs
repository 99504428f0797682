//! Content-addressed data: blocks and their CIDs, UnixFS in and out, archives of blocks, the block store, Filecoin's piece
//! commitments. There is no network here: a source of blocks implements [`Blocks`], and trees are read through that.
//!
//! A directory becomes a DAG, and is read back through its root:
//!
//! ```
//! use std::sync::Arc;
//!
//! use bacalhau_cas::memory::MemoryShelf;
//! use bacalhau_cas::unixfs::DagTree;
//! use bacalhau_cas::unixfs::import::{Profile, import};
//! use bacalhau_tree::{HostTree, Tree as _};
//!
//! let dir = tempfile::tempdir()?;
//! std::fs::write(dir.path().join("greeting"), "hello")?;
//!
//! let blocks = Arc::new(MemoryShelf::default());
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
mod hash;
mod links;
pub mod memory;
pub mod piece;
pub mod protobuf;
mod shelf;
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
pub use hash::{Hash, can_check, hash, hash_all};
pub use hash::{IDENTITY, SHA2_256};
pub use links::{has_links, links};
pub use shelf::Shelf;

/// Where the blocks of a DAG are read from: an archive, the store, the network behind the store. Synchronous, because
/// the program that reads them is; whoever fetches does it on threads of its own.
pub trait Blocks: Send + Sync + fmt::Debug {
    /// The bytes of `cid`, **checked against it**: nobody who reads through this trait checks again. Blocks until they
    /// are here.
    ///
    /// # Errors
    /// [`DataError::Missing`] when nobody has it; else what is wrong with what there was.
    fn get(&self, cid: &Cid) -> Result<Bytes, DataError>;

    /// Says that these will be asked for soon, in this order. A hint: it returns at once and never fails.
    fn soon(&self, _cids: &[Cid]) {}
}
