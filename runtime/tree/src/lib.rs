//! Read-only trees of files and their hashes: what the sandbox takes as inputs and block stores hand out.
//!
//! - [`Tree`] is the interface; [`HostTree`] is a directory or file of the host.
//! - [`dirhash`] is Go's `h1:` hash of a directory, [`Link`] a content identifier.
//! - [`Deadline`] and [`Control`] end work on a tree by the wall clock or by cancellation; [`HostFailure`] says that this machine
//!   could not do its part.
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

mod control;
mod deadline;
pub mod dirhash;
mod failure;
mod host;
mod link;
pub mod threads;
mod tree;

pub use control::Control;
pub use deadline::{Deadline, Pending};
pub use failure::HostFailure;
pub use host::HostTree;
pub use link::{Cid, Link, MAX_DIGEST_BYTES};
pub use tree::{Entry, InputError, Kind, MAX_PATH_DEPTH, ReadAt, Stat, Tree};
