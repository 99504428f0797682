//! Writes a tree below a directory with cap-std. Links are written last, when no more writes can go through one.

use std::io::Write as _;
use std::path::Path;

use bacalhau_tree::{Entry, Kind, MAX_PATH_DEPTH, Tree};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};

use super::super::name;
use super::{Unpack, Unpacked, failed, links, parent_of};
use crate::DataError;

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;

pub(super) struct Writer<'a> {
    options: &'a Unpack,
    tree: &'a dyn Tree,
    target: &'a Path,
    progress: &'a mut dyn FnMut(u64),
    done: Unpacked,
    /// Paths and targets.
    links: Vec<(String, String)>,
    buf: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        options: &'a Unpack,
        tree: &'a dyn Tree,
        target: &'a Path,
        progress: &'a mut dyn FnMut(u64),
    ) -> Result<Self, DataError> {
        parent_of(target)?;
        let (done, links, buf) = (Unpacked::default(), Vec::new(), vec![0; READ_BYTES]);
        Ok(Self { options, tree, target, progress, done, links, buf })
    }

    pub(super) fn write(mut self) -> Result<Unpacked, DataError> {
        let stat = self.tree.stat("").map_err(|error| unread("look at", "", error))?;
        match stat.kind {
            Kind::Dir => self.write_dir()?,
            Kind::File => {
                self.count("")?;
                let mut options = OpenOptions::new();
                let parent = parent_of(self.target)?;
                let dir = Dir::open_ambient_dir(&parent, ambient_authority());
                let dir = dir.map_err(|error| failed("open", &parent, error))?;
                let name = Path::new(self.target.file_name().unwrap_or_default());
                let file = dir.open_with(name, options.write(true).create_new(true));
                let file = file.map_err(|error| failed("write", self.target, error))?;
                self.copy("", file)?;
            }
            Kind::Link => {
                let why = "it would lead anywhere from where it is written; name a directory that has it";
                return Err(DataError::unsupported("a symbolic link by itself", why));
            }
        }
        Ok(self.done)
    }

    fn write_dir(&mut self) -> Result<(), DataError> {
        std::fs::create_dir(self.target).map_err(|error| failed("make the directory", self.target, error))?;
        let root = Dir::open_ambient_dir(self.target, ambient_authority());
        let root = root.map_err(|error| failed("open", self.target, error))?;
        let mut pending = vec![(String::new(), 0)];
        while let Some((dir, depth)) = pending.pop() {
            if depth >= MAX_PATH_DEPTH {
                let why = format!("directories are nested more than {MAX_PATH_DEPTH} deep");
                return Err(DataError::out_of_bounds("the tree", why));
            }
            for Entry { name, kind } in self.tree.list(&dir).map_err(|error| unread("list", &dir, error))? {
                let path = joined(&dir, &name)?;
                self.count(&path)?;
                match kind {
                    Kind::Dir => {
                        root.create_dir(&path).map_err(|error| self.unwritten(&path, error))?;
                        pending.push((path, depth + 1));
                    }
                    Kind::File => {
                        let mut options = OpenOptions::new();
                        let file = root.open_with(&path, options.write(true).create_new(true));
                        let file = file.map_err(|error| self.unwritten(&path, error))?;
                        self.copy(&path, file)?;
                    }
                    Kind::Link => {
                        let target =
                            self.tree.read_link(&path).map_err(|error| unread("read the link", &path, error))?;
                        self.links.push((path, target));
                    }
                }
            }
        }
        let skipped = links::write(&root, std::mem::take(&mut self.links), self.options.links, |path, error| {
            self.unwritten(path, error)
        })?;
        self.done.entries -= skipped.len() as u64;
        self.done.skipped = skipped;
        Ok(())
    }

    fn copy(&mut self, path: &str, mut file: File) -> Result<(), DataError> {
        let size = self.tree.stat(path).map_err(|error| unread("look at", path, error))?.size;
        self.check_bytes(path, size)?;
        let from = self.tree.open(path).map_err(|error| unread("open", path, error))?;
        let mut at = 0;
        loop {
            let read = from.read_at(&mut self.buf, at).map_err(|error| unread("read", path, error))?;
            if read == 0 {
                return Ok(());
            }
            self.check_bytes(path, read as u64)?;
            file.write_all(&self.buf[..read]).map_err(|error| self.unwritten(path, error))?;
            at += read as u64;
            self.done.bytes += read as u64;
            (self.progress)(self.done.bytes);
        }
    }

    fn check_bytes(&self, path: &str, more: u64) -> Result<(), DataError> {
        let most = self.options.max_bytes;
        if self.done.bytes.checked_add(more).is_some_and(|total| total <= most) {
            return Ok(());
        }
        let why = format!("with {path:?} it has more than {most} bytes");
        Err(DataError::out_of_bounds("the tree", why))
    }

    fn count(&mut self, path: &str) -> Result<(), DataError> {
        self.done.entries += 1;
        let most = self.options.max_entries;
        if self.done.entries <= most {
            return Ok(());
        }
        Err(DataError::out_of_bounds("the tree", format!("with {path:?} it has more than {most} entries")))
    }

    fn unwritten(&self, path: &str, error: std::io::Error) -> DataError {
        let path = if path.is_empty() { self.target.into() } else { self.target.join(path) };
        failed("write", &path, error)
    }
}

fn joined(dir: &str, name: &str) -> Result<String, DataError> {
    name::check(name.as_bytes())
        .map_err(|why| DataError::malformed(format!("the directory {dir:?}"), format!("the name {name:?}: {why}")))?;
    Ok(if dir.is_empty() { name.into() } else { format!("{dir}/{name}") })
}

fn unread(what: &str, path: &str, error: std::io::Error) -> DataError {
    DataError::io(format!("{what} {path:?} in the tree"), error)
}
