//! UnixFS: files, directories and links as DAGs (<https://specs.ipfs.tech/unixfs/>). Blocks come from whoever implements
//! [`Blocks`](super::Blocks) and are checked there; what they mean is decided here.

pub mod import;
mod meta;

pub use meta::{Meta, MetaKind};
