//! UnixFS: files, directories and links as DAGs (<https://specs.ipfs.tech/unixfs/>). Implementations of
//! [`BlockSource`](super::BlockSource) provide verified blocks; this module interprets them.

mod ahead;
mod bounds;
mod cache;
mod compare;
mod directory;
mod export;
mod file;
mod hamt;
pub mod import;
mod listing;
mod meta;
mod murmur3;
mod name;
mod node;
mod node_error;
mod nodes;
mod siblings;
mod total;
mod tree;
mod unpack;
mod walk;

#[cfg(test)]
mod any_tests;
#[cfg(test)]
pub(crate) mod samples;

pub use bounds::Bounds;
pub use export::export;
pub use file::MAX_FILE_DEPTH;
pub use listing::MAX_DIR_ENTRIES;
pub use meta::{Meta, MetaKind};
pub use tree::DagTree;
pub use unpack::{Links, Unpack, Unpacked};
pub use walk::{Scope, Walk};
