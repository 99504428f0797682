//! Rights of preview 1, as current toolchains use them. Reading and writing a file need the right requested at
//! `path_open`, as in wasmtime; other rights are present unless dropped by `fd_fdstat_set_rights`.

use std::ops::{BitAnd, BitOr, Not};

/// A set of rights. Bits as in `wasi_snapshot_preview1.witx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights(pub(super) u64);

impl Rights {
    pub(super) const NONE: Self = Self(0);
    pub(super) const FD_DATASYNC: Self = Self(1);
    pub(super) const FD_READ: Self = Self(1 << 1);
    pub(super) const FD_SEEK: Self = Self(1 << 2);
    pub(super) const FD_FDSTAT_SET_FLAGS: Self = Self(1 << 3);
    pub(super) const FD_SYNC: Self = Self(1 << 4);
    pub(super) const FD_TELL: Self = Self(1 << 5);
    pub(super) const FD_WRITE: Self = Self(1 << 6);
    pub(super) const FD_ADVISE: Self = Self(1 << 7);
    pub(super) const FD_ALLOCATE: Self = Self(1 << 8);
    pub(super) const PATH_CREATE_DIRECTORY: Self = Self(1 << 9);
    pub(super) const PATH_CREATE_FILE: Self = Self(1 << 10);
    pub(super) const PATH_LINK_SOURCE: Self = Self(1 << 11);
    pub(super) const PATH_LINK_TARGET: Self = Self(1 << 12);
    pub(super) const PATH_OPEN: Self = Self(1 << 13);
    pub(super) const FD_READDIR: Self = Self(1 << 14);
    pub(super) const PATH_READLINK: Self = Self(1 << 15);
    pub(super) const PATH_RENAME_SOURCE: Self = Self(1 << 16);
    pub(super) const PATH_RENAME_TARGET: Self = Self(1 << 17);
    pub(super) const PATH_FILESTAT_GET: Self = Self(1 << 18);
    pub(super) const PATH_FILESTAT_SET_SIZE: Self = Self(1 << 19);
    pub(super) const PATH_FILESTAT_SET_TIMES: Self = Self(1 << 20);
    pub(super) const FD_FILESTAT_GET: Self = Self(1 << 21);
    pub(super) const FD_FILESTAT_SET_SIZE: Self = Self(1 << 22);
    pub(super) const FD_FILESTAT_SET_TIMES: Self = Self(1 << 23);
    pub(super) const PATH_SYMLINK: Self = Self(1 << 24);
    pub(super) const PATH_REMOVE_DIRECTORY: Self = Self(1 << 25);
    pub(super) const PATH_UNLINK_FILE: Self = Self(1 << 26);
    pub(super) const POLL_FD_READWRITE: Self = Self(1 << 27);

    /// Rights that change a file's bytes.
    pub(super) const WRITE: Self =
        Self(Self::FD_WRITE.0 | Self::FD_DATASYNC.0 | Self::FD_ALLOCATE.0 | Self::FD_FILESTAT_SET_SIZE.0);
    /// Rights of a file opened for reading.
    pub(super) const READ_FILE: Self = Self(
        Self::FD_READ.0
            | Self::FD_SEEK.0
            | Self::FD_TELL.0
            | Self::FD_FDSTAT_SET_FLAGS.0
            | Self::FD_SYNC.0
            | Self::FD_ADVISE.0
            | Self::FD_FILESTAT_GET.0
            | Self::FD_FILESTAT_SET_TIMES.0
            | Self::POLL_FD_READWRITE.0,
    );
    /// Rights of a file.
    pub(super) const FILE: Self = Self(Self::READ_FILE.0 | Self::WRITE.0);
    /// Rights of a directory: those of wasmtime, which many programs expect.
    pub(super) const DIR: Self = Self(
        Self::PATH_CREATE_DIRECTORY.0
            | Self::PATH_CREATE_FILE.0
            | Self::PATH_LINK_SOURCE.0
            | Self::PATH_LINK_TARGET.0
            | Self::PATH_OPEN.0
            | Self::FD_READDIR.0
            | Self::PATH_READLINK.0
            | Self::PATH_RENAME_SOURCE.0
            | Self::PATH_RENAME_TARGET.0
            | Self::PATH_SYMLINK.0
            | Self::PATH_REMOVE_DIRECTORY.0
            | Self::PATH_UNLINK_FILE.0
            | Self::PATH_FILESTAT_GET.0
            | Self::PATH_FILESTAT_SET_SIZE.0
            | Self::PATH_FILESTAT_SET_TIMES.0
            | Self::FD_FILESTAT_GET.0
            | Self::FD_FILESTAT_SET_TIMES.0,
    );
    /// Rights of descriptors opened from the root.
    pub(super) const ALL: Self = Self(Self::DIR.0 | Self::FILE.0);

    pub(super) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitAnd for Rights {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for Rights {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}
