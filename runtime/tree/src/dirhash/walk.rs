//! Lists a tree directory by directory, each opened relative to its parent.
//!
//! Paths stay short and nothing recurses, so a tree may be deeper than `PATH_MAX` or the stack allow. At most [`HELD`]
//! ancestors stay open; older ones are reopened from the root. Follows no links and reads no content.

use std::{ffi::OsString, io, sync::Arc};

#[cfg(unix)]
use cap_std::fs::FileTypeExt as _;
use cap_std::fs::{Dir, DirEntry, FileType};

use super::error::{HashError, lossy};

/// How many directories on the way down to the current one are kept open.
pub(super) const HELD: usize = 128;

/// A file or link to hash.
pub(super) struct Job {
    /// Path below the root, parts separated by `/`.
    pub(super) name: Vec<u8>,
    /// The directory it lies in.
    pub(super) dir: Arc<Dir>,
    /// Its name in the parent.
    pub(super) leaf: OsString,
    /// Whether it is a link; links are resolved from the root.
    pub(super) is_link: bool,
}

/// Entries of a directory in byte order, without subdirectories.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) jobs: Vec<Job>,
    /// Entries that cannot be hashed, with their names.
    pub(super) errors: Vec<(Vec<u8>, HashError)>,
}

/// One directory on the way down.
struct Level {
    name: OsString,
    /// None when it was closed: not needed any more, or too far up.
    dir: Option<Arc<Dir>>,
    /// Subdirectories still to visit; the next one is last.
    pending: Vec<OsString>,
}

/// A walk in progress.
pub(super) struct Walk {
    root: Arc<Dir>,
    started: bool,
    levels: Vec<Level>,
}

impl Walk {
    pub(super) fn new(root: Dir) -> Self {
        Self { root: Arc::new(root), started: false, levels: Vec::new() }
    }

    pub(super) fn root(&self) -> &Dir {
        &self.root
    }

    /// Enters the next subdirectory of the deepest level; `None` when there is none left.
    fn descend(&mut self) -> Option<Listing> {
        let level = self.levels.last_mut()?;
        let name = level.pending.pop()?;
        let listing = match self.open_child(&name) {
            Ok(dir) => self.enter(name, dir),
            Err(source) => {
                let name = self.path_of(&name);
                let error = HashError::io("open", &name, source);
                Listing { jobs: Vec::new(), errors: vec![(name, error)] }
            }
        };
        Some(listing)
    }

    fn open_child(&mut self, name: &OsString) -> io::Result<Arc<Dir>> {
        let open = self.levels.last().and_then(|level| level.dir.clone());
        let parent = match open {
            Some(dir) => dir,
            None => self.reopen()?,
        };
        if let Some(level) = self.levels.last_mut().filter(|level| level.pending.is_empty()) {
            level.dir = None;
        }
        Ok(Arc::new(parent.open_dir(name)?))
    }

    /// Reopens the deepest level from the root, with the ancestors that are needed next.
    fn reopen(&mut self) -> io::Result<Arc<Dir>> {
        let keep_from = self.levels.len().saturating_sub(HELD);
        let mut dir = Arc::clone(&self.root);
        for (depth, level) in self.levels.iter_mut().enumerate() {
            if depth > 0 {
                dir = Arc::new(dir.open_dir(&level.name)?);
            }
            if depth >= keep_from && !level.pending.is_empty() {
                level.dir = Some(Arc::clone(&dir));
            }
        }
        Ok(dir)
    }

    /// Lists a directory and makes it the deepest level.
    fn enter(&mut self, name: OsString, dir: Arc<Dir>) -> Listing {
        self.levels.push(Level { name, dir: None, pending: Vec::new() });
        let mut listing = Listing::default();
        let mut pending = Vec::new();
        match sorted_entries(&dir) {
            Ok(entries) => {
                for (leaf, kind) in entries {
                    self.sort_out(&dir, leaf, kind, &mut listing, &mut pending);
                }
            }
            Err(source) => {
                let name = self.path_of(&OsString::new());
                let error = HashError::io("list", &name, source);
                listing.errors.push((name, error));
            }
        }
        pending.reverse();
        self.hold(dir, pending);
        listing
    }

    /// One entry: a directory to visit, a job, or an error.
    fn sort_out(
        &self,
        dir: &Arc<Dir>,
        leaf: OsString,
        kind: FileType,
        listing: &mut Listing,
        pending: &mut Vec<OsString>,
    ) {
        if kind.is_dir() {
            pending.push(leaf);
            return;
        }
        let name = self.path_of(&leaf);
        if kind.is_file() || kind.is_symlink() {
            let job = Job { name, dir: Arc::clone(dir), leaf, is_link: kind.is_symlink() };
            listing.jobs.push(job);
        } else {
            let error = HashError::Special { name: lossy(&name), kind: special_kind(kind) };
            listing.errors.push((name, error));
        }
    }

    /// Keeps the deepest level open while it has directories to visit, and closes the one that is now too far up.
    fn hold(&mut self, dir: Arc<Dir>, pending: Vec<OsString>) {
        if let Some(level) = self.levels.last_mut() {
            level.dir = (!pending.is_empty()).then_some(dir);
            level.pending = pending;
        }
        if let Some(old) = self.levels.len().checked_sub(HELD + 1) {
            self.levels[old].dir = None;
        }
    }

    /// The path of an entry of the deepest level; of that level itself when the name is empty.
    fn path_of(&self, leaf: &OsString) -> Vec<u8> {
        let levels = self.levels.iter().skip(1).map(|level| &level.name);
        let parts: Vec<&[u8]> =
            levels.chain([leaf]).map(|name| name.as_encoded_bytes()).filter(|name| !name.is_empty()).collect();
        parts.join(&b'/')
    }
}

impl Iterator for Walk {
    type Item = Listing;

    /// The next directory's files.
    fn next(&mut self) -> Option<Listing> {
        if !self.started {
            self.started = true;
            let root = Arc::clone(&self.root);
            return Some(self.enter(OsString::new(), root));
        }
        while !self.levels.is_empty() {
            if let Some(listing) = self.descend() {
                return Some(listing);
            }
            self.levels.pop();
        }
        None
    }
}

/// The entries of a directory in byte order of their names, independent of the host's order.
fn sorted_entries(dir: &Dir) -> io::Result<Vec<(OsString, FileType)>> {
    let mut entries = Vec::new();
    for entry in dir.entries()? {
        let entry = entry?;
        entries.push((entry.file_name(), file_type(&entry)?));
    }
    entries.sort_by(|a, b| a.0.as_encoded_bytes().cmp(b.0.as_encoded_bytes()));
    Ok(entries)
}

/// Type of an entry: most file systems have it in the listing, others need a query.
fn file_type(entry: &DirEntry) -> io::Result<FileType> {
    let listed = entry.file_type()?;
    if listed == FileType::unknown() { Ok(entry.metadata()?.file_type()) } else { Ok(listed) }
}

#[cfg(unix)]
fn special_kind(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "device"
    } else {
        "special file"
    }
}

#[cfg(not(unix))]
fn special_kind(_kind: FileType) -> &'static str {
    "special file"
}
