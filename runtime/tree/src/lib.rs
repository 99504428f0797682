//! Read-only file trees and their hashes: inputs of the sandbox, and views of block stores.
//!
//! - [`Tree`] is the interface; [`HostTree`] is a directory or file of the host.
//! - [`dirhash`] is Go's `h1:` hash of a directory, [`Link`] a content identifier.
//! - [`Deadline`] and [`Control`] end work on a tree by the wall clock or by cancellation; [`HostFailure`] is a failure
//!   of this machine.
//!
//! ```
//! use bacalhau_tree::{Deadline, HostTree, Tree};
//!
//! let dir = tempfile::tempdir()?;
//! std::fs::write(dir.path().join("greeting"), "hello")?;
//! let tree = HostTree::open(dir.path())?;
//! assert_eq!(tree.list("")?[0].name, "greeting");
//! assert!(tree.identity(&Deadline::never())?.starts_with("h1:"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod bytes;
mod control;
mod deadline;
pub mod dirhash;
mod failure;
mod host;
mod identity;
pub mod inputs;
mod link;
mod once_identity;
mod progress;
pub mod threads;
mod tree;

pub use bytes::BytesTree;
pub use control::Control;
pub use deadline::{Deadline, Pending};
pub use failure::HostFailure;
pub use host::HostTree;
pub use identity::identity_of;
pub use inputs::Inputs;
pub use link::{Cid, Link, MAX_DIGEST_BYTES};
pub use once_identity::OnceIdentity;
pub use progress::{Meter, Meters, Progress};
pub use tree::{Entry, InputError, Kind, MAX_PATH_DEPTH, ReadAt, Stat, Tree};
