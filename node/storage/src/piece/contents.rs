//! What a piece holds, found out once by its bytes alone and kept: so every node gives a program the same tree, and a
//! directory of many segments is listed without a look at each.

use serde::{Deserialize, Serialize};

/// What a piece or a segment holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Contents {
    /// Bytes.
    File,
    /// An archive (CAR).
    Archive {
        /// The roots in its header.
        roots: Vec<String>,
        /// What its root is; `None` if it has not one root that can be mounted.
        root: Option<RootKind>,
    },
    /// Segments, by the index at its end.
    Aggregate {
        /// In the order of their places.
        segments: Vec<Part>,
    },
}

/// What the root of an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RootKind {
    Dir,
    File,
}

/// A segment of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// Its piece CID of version 2, which is its name in the directory.
    pub(super) cid: String,
    /// Where its bytes begin in those of the outermost piece.
    pub(super) offset: u64,
    /// Length in bytes.
    pub(super) size: u64,
    /// What it holds.
    pub(super) contents: Contents,
}

impl Contents {
    /// Whether it is a directory for programs.
    pub(super) fn is_dir(&self) -> bool {
        matches!(self, Self::Aggregate { .. } | Self::Archive { root: Some(RootKind::Dir), .. })
    }
}
