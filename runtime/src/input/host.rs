//! A directory or a file of the host as an input tree, through cap-std: nothing outside of it can be reached.
//! Links are handed on as links; whoever follows them does so inside of the guest's tree. A file that is another one when
//! it is opened again, by the guest or to be hashed, is a failure of the host.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, FileExt, FileType, MetadataExt};

use super::{Entry, InputError, Kind, ReadAt, Stat, Tree, identity};

/// What lies at a path of the host: opened once, read in place, never copied.
#[derive(Debug)]
pub struct HostTree {
    root: Root,
    /// Where it was when it was opened, without links.
    path: Option<PathBuf>,
    /// Filled by the first run that asks; several runs of one job share the tree and so the work.
    identity: Mutex<Option<String>>,
    /// What each file was when it was first opened.
    stamps: Mutex<BTreeMap<String, Stamp>>,
}

/// Changes when the content of a file does: its length, and seconds and nanoseconds of its last changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
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
        let path = std::fs::canonicalize(path).ok();
        Ok(Self { root, path, identity: Mutex::new(None), stamps: Mutex::new(BTreeMap::new()) })
    }

    /// The content must stay what it was when it was first opened: the guest may have read it, or the hash counted it.
    fn check_unchanged(&self, path: &str, file: &File) -> io::Result<()> {
        let stamp = Stamp::of(file)?;
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        match stamps.get(path) {
            None => {
                stamps.insert(path.into(), stamp);
                Ok(())
            }
            Some(known) if *known == stamp => Ok(()),
            Some(_) => Err(io::Error::other("it was changed while the job ran; run the job again")),
        }
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
        self.check_unchanged(path, &file)?;
        Ok(Box::new(OpenFile(file)))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        let target = self.dir()?.read_link_contents(path)?;
        target.into_os_string().into_string().map_err(|target| not_portable(path, &target.to_string_lossy()))
    }

    fn identity(&self) -> io::Result<String> {
        // A panic while hashing leaves `None` behind, which is a sound value.
        let mut known = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = &*known {
            return Ok(identity.clone());
        }
        let identity = identity::of(self)?;
        Ok(known.insert(identity).clone())
    }

    fn host_path(&self) -> Option<PathBuf> {
        self.path.clone()
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
    let why = format!(
        "{path} is neither a file, a directory nor a link (a device, a socket or a pipe?): leave it out of the input"
    );
    io::Error::new(io::ErrorKind::InvalidInput, InputError::Unusable(why))
}

fn not_portable(dir: &str, name: &str) -> io::Error {
    let why = format!("the name {name:?} in /{dir} is not UTF-8, so no other machine could have it: rename it");
    io::Error::new(io::ErrorKind::InvalidInput, InputError::Unusable(why))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test changes a file behind the tree's back")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_not_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "one").unwrap();
        let tree = HostTree::open(dir.path()).unwrap();
        let opened = tree.open("file").unwrap();
        assert_eq!(opened.read_at(&mut [0; 9], 1).unwrap(), 2);
        assert!(tree.open("file").is_ok());
        std::fs::write(&file, "longer than before").unwrap();
        assert!(tree.identity().unwrap_err().to_string().contains("changed while the job ran"));
    }

    #[test]
    fn identities_tell_apart_what_a_guest_can() {
        let dir = tempfile::tempdir().unwrap();
        let identity = || HostTree::open(dir.path()).unwrap().identity().unwrap();
        std::fs::write(dir.path().join("a"), "a").unwrap();
        let plain = identity();
        assert_eq!(plain, crate::dirhash::hash_dir(dir.path(), "").unwrap().h1, "what Go prints");
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        let with_dir = identity();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        let with_link = identity();
        std::fs::remove_file(dir.path().join("link")).unwrap();
        std::fs::write(dir.path().join("link"), "a").unwrap();
        let with_file = identity();
        let all = std::collections::BTreeSet::from([plain, with_dir, with_link, with_file]);
        assert_eq!(all.len(), 4);
    }
}
