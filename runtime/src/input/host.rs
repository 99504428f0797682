//! A directory or a file of the host as an input tree, through cap-std: nothing outside of it can be reached.
//! Links are handed on as links; whoever follows them does so inside of the guest's tree.

use std::io;
use std::path::Path;
use std::sync::Mutex;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, FileExt, FileType};

use super::{Entry, Kind, ReadAt, Stat, Tree, identity};

/// What lies at a path of the host: opened once, read in place, never copied.
#[derive(Debug)]
pub struct HostTree {
    root: Root,
    /// Filled by the first run that asks; several runs of one job share the tree and so the work.
    identity: Mutex<Option<String>>,
}

#[derive(Debug)]
enum Root {
    Dir(Dir),
    File(File),
}

impl HostTree {
    /// Opens the directory or file at `path`. A link there is followed: naming it was the caller's choice.
    ///
    /// # Errors
    /// When there is nothing at `path`, it may not be read, or it is neither a directory nor a regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let kind = std::fs::metadata(path)?.file_type();
        let root = if kind.is_dir() {
            Root::Dir(Dir::open_ambient_dir(path, ambient_authority())?)
        } else if kind.is_file() {
            Root::File(File::open_ambient(path, ambient_authority())?)
        } else {
            return Err(no_content(path.display()));
        };
        Ok(Self { root, identity: Mutex::new(None) })
    }

    /// Whether the root is a directory, rather than a file.
    pub fn is_dir(&self) -> bool {
        matches!(self.root, Root::Dir(_))
    }

    fn dir(&self) -> io::Result<&Dir> {
        match &self.root {
            Root::Dir(dir) => Ok(dir),
            Root::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}

impl Tree for HostTree {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        let metadata = match &self.root {
            Root::File(file) => file.metadata()?,
            Root::Dir(dir) if path.is_empty() => dir.dir_metadata()?,
            Root::Dir(dir) => dir.symlink_metadata(path)?,
        };
        let kind = kind_of(metadata.file_type(), path)?;
        let size = if kind == Kind::Dir { 0 } else { metadata.len() };
        Ok(Stat { kind, size })
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        let dir = self.dir()?;
        let entries = if path.is_empty() { dir.entries()? } else { dir.read_dir(path)? };
        entries
            .map(|entry| {
                let entry = entry?;
                let name =
                    entry.file_name().into_string().map_err(|name| not_portable(path, &name.to_string_lossy()))?;
                let kind = kind_of(entry.file_type()?, &format!("{path}/{name}"))?;
                Ok(Entry { name, kind })
            })
            .collect()
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let file = match &self.root {
            Root::File(file) => file.try_clone()?,
            Root::Dir(dir) => dir.open(path)?,
        };
        Ok(Box::new(OpenFile(file)))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        let target = self.dir()?.read_link_contents(path)?;
        target.into_os_string().into_string().map_err(|target| not_portable(path, &target.to_string_lossy()))
    }

    fn identity(&self) -> io::Result<String> {
        // A panic while hashing leaves `None` behind, which is a sound value.
        let mut known = self.identity.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(identity) = &*known {
            return Ok(identity.clone());
        }
        let identity = identity::of(self)?;
        Ok(known.insert(identity).clone())
    }
}

struct OpenFile(File);

impl ReadAt for OpenFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.0.read_at(&mut buf[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

fn kind_of(kind: FileType, path: &str) -> io::Result<Kind> {
    if kind.is_dir() {
        Ok(Kind::Dir)
    } else if kind.is_file() {
        Ok(Kind::File)
    } else if kind.is_symlink() {
        Ok(Kind::Link)
    } else {
        Err(no_content(path))
    }
}

fn no_content(path: impl std::fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "{path} is neither a file, a directory nor a link (a device, a socket or a pipe?): leave it out of the input"
        ),
    )
}

fn not_portable(dir: &str, name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("the name {name:?} in /{dir} is not UTF-8, so no other machine could have it: rename it"),
    )
}
