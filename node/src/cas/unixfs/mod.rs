//! UnixFS: files, directories and links as DAGs (<https://specs.ipfs.tech/unixfs/>). Blocks come from whoever implements
//! [`Blocks`](super::Blocks) and are checked there; what they mean is decided here.

mod ahead;
mod cache;
mod directory;
mod file;
mod hamt;
pub mod import;
mod listing;
mod meta;
mod murmur3;
mod name;
mod node;
mod nodes;
#[cfg(test)]
pub(crate) mod samples;
mod tree;

pub use file::MAX_FILE_DEPTH;
pub use listing::MAX_DIR_ENTRIES;
pub use meta::{Meta, MetaKind};
pub use tree::DagTree;
