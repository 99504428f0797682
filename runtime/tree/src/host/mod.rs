//! A directory or file of the host as an input tree, through cap-std: nothing outside of it is accessible. Links are
//! passed on as links, and followed inside of the guest's tree. A file or directory that changes between reads, hashing
//! and the end of the run is a host failure.

mod stamps;

use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, FileExt, FileType, Metadata, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use self::stamps::Stamps;
use crate::deadline::Deadline;
use crate::identity::identity_of;
use crate::once_identity::OnceIdentity;
use crate::tree::{Entry, InputError, Kind, ReadAt, Stat, Tree};

/// Opens pipes without waiting for a writer.
const NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// A path of the host: opened once, read in place, never copied.
#[derive(Debug)]
pub struct HostTree {
    root: Root,
    /// Where it was when it was opened, without links.
    path: Option<PathBuf>,
    /// Several runs of one job share the tree and so the work.
    identity: OnceIdentity,
    /// State of each file and directory at first access.
    stamps: Stamps,
}

#[derive(Debug)]
enum Root {
    Dir(Dir),
    File(File),
}

impl HostTree {
    /// Opens the directory or file at `path`. A link at `path` itself is followed, because the caller has named it.
    ///
    /// # Errors
    /// When `path` does not exist, is not readable, or is neither a directory nor a regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let kind = std::fs::metadata(path)?.file_type();
        let root = if kind.is_dir() {
            Root::Dir(Dir::open_ambient_dir(path, ambient_authority())?)
        } else if kind.is_file() {
            Root::File(File::open_ambient(path, ambient_authority())?)
        } else {
            return Err(no_content(path.display()));
        };
        Ok(Self::new(root, std::fs::canonicalize(path).ok()))
    }

    /// The directory or file that is open as `file`, wherever it is.
    ///
    /// # Errors
    /// When it is neither a directory nor a regular file, or is not open for reading.
    pub fn of_file(file: std::fs::File) -> io::Result<Self> {
        let kind = file.metadata()?.file_type();
        let root = if kind.is_dir() {
            let dir = Dir::from_std_file(file);
            dir.entries()?;
            Root::Dir(dir)
        } else if kind.is_file() {
            let file = File::from_std(file);
            file.read_at(&mut [0], 0)?;
            Root::File(file)
        } else {
            return Err(no_content("the descriptor"));
        };
        Ok(Self::new(root, None))
    }

    fn new(root: Root, path: Option<PathBuf>) -> Self {
        Self { root, path, identity: OnceIdentity::default(), stamps: Stamps::default() }
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        match &self.root {
            Root::File(file) => file.metadata(),
            Root::Dir(dir) if path.is_empty() => dir.dir_metadata(),
            Root::Dir(dir) => dir.symlink_metadata(path),
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
        let metadata = self.metadata(path)?;
        let kind = kind_of(metadata.file_type(), path)?;
        if kind == Kind::File {
            // The guest sees its length.
            self.stamps.see(path, &metadata)?;
        }
        let size = if kind == Kind::Dir { 0 } else { metadata.len() };
        Ok(Stat::new(kind, size))
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        let root = self.dir()?;
        let below = if path.is_empty() { None } else { Some(root.open_dir(path)?) };
        let dir = below.as_ref().unwrap_or(root);
        self.stamps.see(path, &dir.dir_metadata()?)?;
        dir.entries()?
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
            // Opening a file that has become a pipe would block. For files the flag means nothing.
            Root::Dir(dir) => dir.open_with(path, OpenOptions::new().read(true).custom_flags(NONBLOCK))?,
        };
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(no_content(path));
        }
        self.stamps.see(path, &found)?;
        Ok(Box::new(OpenFile(file)))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        let target = self.dir()?.read_link_contents(path)?;
        target.into_os_string().into_string().map_err(|target| not_portable(path, &target.to_string_lossy()))
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        self.identity.get(deadline, || identity_of(self, deadline))
    }

    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        self.stamps.check_all(|path| {
            deadline.check_io()?;
            self.metadata(path)
        })
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
    use std::time::Duration;

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
        assert!(tree.identity(&Deadline::never()).unwrap_err().to_string().contains("changed while the job ran"));
    }

    #[test]
    fn a_pipe_in_place_of_a_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "one").unwrap();
        let tree = HostTree::open(dir.path()).unwrap();
        assert_eq!(tree.list("").unwrap().len(), 1);
        std::fs::remove_file(&file).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
        assert!(made.success());
        let opening = Deadline::new(Duration::from_mins(1)).begin("open", move |_| tree.open("file").map(drop));
        let error = opening.unwrap().wait().unwrap().unwrap_err().to_string();
        assert!(error.contains("neither a file"), "{error}");
    }

    #[test]
    fn what_is_open_is_read_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "one").unwrap();
        let opened = |path: &Path| HostTree::of_file(std::fs::File::open(path).unwrap()).unwrap();
        let (tree, file) = (opened(dir.path()), opened(&dir.path().join("file")));
        let moved = dir.path().with_extension("moved");
        std::fs::rename(dir.path(), &moved).unwrap();
        let identity = |tree: &HostTree| tree.identity(&Deadline::never()).unwrap();
        assert_eq!(identity(&tree), identity(&HostTree::open(&moved).unwrap()));
        assert_eq!(identity(&file), identity(&HostTree::open(&moved.join("file")).unwrap()));
        std::fs::remove_dir_all(&moved).unwrap();
        let for_writing = std::fs::File::create(moved.with_extension("w")).unwrap();
        let error = HostTree::of_file(for_writing).unwrap_err();
        assert!(error.to_string().contains("Bad file descriptor"), "{error}");
        std::fs::remove_file(moved.with_extension("w")).unwrap();
        let (pipe, _) = io::pipe().unwrap();
        let pipe = std::fs::File::from(std::os::fd::OwnedFd::from(pipe));
        assert!(HostTree::of_file(pipe).unwrap_err().to_string().contains("neither a file, a directory"));
    }

    #[test]
    fn identities_tell_apart_what_a_guest_can() {
        let dir = tempfile::tempdir().unwrap();
        let identity = || HostTree::open(dir.path()).unwrap().identity(&Deadline::never()).unwrap();
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
