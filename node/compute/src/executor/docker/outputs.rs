//! Outputs of a container: measured while it runs, exported to the results afterwards. As in the sandbox, links are
//! skipped and names must be portable. Links are never followed.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::path::Path;

use bacalhau_receipt::Limit;
use bacalhau_runtime::{Error, Refusal, is_result_name};
use bacalhau_tree::{Deadline, HostFailure, MAX_PATH_DEPTH};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirEntry, File, Metadata, MetadataExt as _};
#[cfg(target_os = "linux")]
use rustix::fs::OFlags;

use bacalhau_job::ContainerLimits;

/// File mode of results. Hashes ignore modes, so modes of the program are not kept.
const FILE_MODE: u32 = 0o644;
const DIR_MODE: u32 = 0o755;
/// Bytes copied between two checks of the deadline.
const COPIED_BYTES: u64 = 8 << 20;
/// Maximum total size of all paths; each is in memory several times during hashing.
const MAX_PATH_BYTES: u64 = 64 << 20;
/// Mode bits that let the owner read a directory.
const OWNER_LOOKS: u32 = 0o500;

/// Size and number of files below some directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    bytes: u64,
    files: u64,
}

/// Skipped entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Number of symbolic links.
    pub(super) links: u64,
    /// Number of pipes and sockets.
    pub(super) others: u64,
}

/// The limit that the content of `dir` exceeds, while it may change.
///
/// # Errors
/// When it cannot be read.
pub(super) fn over(dir: &Path, limits: &ContainerLimits) -> io::Result<Option<Limit>> {
    let mut usage = Usage::default();
    let root = Dir::open_ambient_dir(dir, ambient_authority())?;
    // The output directories themselves do not count.
    for entry in root.entries()? {
        measure(&entry?.open_dir()?, limits, MAX_PATH_DEPTH, &mut usage)?;
    }
    Ok(usage.over(limits))
}

impl Usage {
    fn over(&self, limits: &ContainerLimits) -> Option<Limit> {
        if self.bytes > limits.output_bytes {
            Some(Limit::OutputBytes)
        } else {
            (self.files > limits.output_files).then_some(Limit::OutputFiles)
        }
    }
}

/// Adds sizes until a limit is exceeded. Files that vanish meanwhile are ignored.
fn measure(dir: &Dir, limits: &ContainerLimits, depth: u64, usage: &mut Usage) -> io::Result<()> {
    for entry in dir.entries()? {
        let entry = entry?;
        let Some(metadata) = still_there(entry.metadata())? else { continue };
        usage.files += 1;
        if metadata.is_file() {
            usage.bytes = usage.bytes.saturating_add(metadata.len());
        }
        if usage.over(limits).is_some() {
            return Ok(());
        }
        if metadata.is_dir()
            && let Some(depth) = depth.checked_sub(1)
            && let Some(below) = still_there(open(dir, &entry, &metadata))?
        {
            measure(&below, limits, depth, usage)?;
        }
    }
    Ok(())
}

fn still_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Also opens directories that the program has closed, so that it cannot hide data.
fn open(dir: &Dir, entry: &DirEntry, metadata: &Metadata) -> io::Result<Dir> {
    if metadata.mode() & OWNER_LOOKS != OWNER_LOOKS {
        set_mode(dir, &entry.file_name(), DIR_MODE)?;
    }
    entry.open_dir()
}

/// Sets the mode, also of files that cannot be opened. Never follows links, because the container may replace `name`
/// concurrently.
#[cfg(target_os = "linux")]
fn set_mode(dir: &Dir, name: &OsStr, mode: u32) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = rustix::fs::openat(dir, name, flags, rustix::fs::Mode::empty())?;
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// Without that system call, closed files stay closed.
#[cfg(not(target_os = "linux"))]
fn set_mode(dir: &Dir, name: &OsStr, mode: u32) -> io::Result<()> {
    dir.set_permissions(name, cap_std::fs::PermissionsExt::from_mode(mode))
}

/// Moves the content of the directory `from`, which is not written any more, into the empty directory `to`.
///
/// # Errors
/// When a name is not allowed in results, or the tree is too deep, on every machine; when the host fails, or after the
/// deadline.
pub(super) fn export(from: &Path, to: &Path, left: &mut Left, deadline: &Deadline) -> Result<(), Error> {
    let open = |path: &Path| {
        Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| HostFailure::at("open", path, error))
    };
    Mover { left, path_bytes: 0, deadline }.all(&open(from)?, &open(to)?, "", MAX_PATH_DEPTH)
}

struct Mover<'a> {
    left: &'a mut Left,
    path_bytes: u64,
    deadline: &'a Deadline,
}

impl Mover<'_> {
    fn all(&mut self, from: &Dir, to: &Dir, path: &str, depth: u64) -> Result<(), Error> {
        let failed = |error| HostFailure::io(format!("read the output /{path}"), error);
        for entry in from.entries().map_err(failed)? {
            self.deadline.check()?;
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let path = format!("{path}{}", name.to_string_lossy());
            self.one(from, &entry, to, &path, depth)
                .map_err(|error| HostFailure::io(format!("keep the output /{path}"), error))??;
        }
        Ok(())
    }

    fn one(&mut self, from: &Dir, entry: &DirEntry, to: &Dir, path: &str, depth: u64) -> io::Result<Result<(), Error>> {
        let metadata = entry.metadata()?;
        let name = entry.file_name();
        if metadata.is_symlink() {
            self.left.links += 1;
            return Ok(Ok(()));
        }
        if !metadata.is_file() && !metadata.is_dir() {
            self.left.others += 1;
            return Ok(Ok(()));
        }
        if !is_result_name(name.as_encoded_bytes()) {
            return Ok(Err(Refusal::job(format!(
                "the container wrote {path:?} to an output: names in results need at most 255 bytes of UTF-8 without \
                 control characters and backslashes"
            ))
            .into()));
        }
        self.path_bytes += path.len() as u64;
        if self.path_bytes > MAX_PATH_BYTES {
            return Ok(Err(HostFailure::new(format!(
                "the paths of the container's outputs have more than {MAX_PATH_BYTES} bytes together: write fewer \
                 files, or shorter names"
            ))
            .into()));
        }
        if metadata.is_file() {
            // Each hard link becomes a separate copy, so that editing one does not change another.
            if metadata.nlink() > 1 {
                set_mode(from, &name, FILE_MODE)?;
                copy(&from.open(&name)?, &to.create(&name)?, self.deadline)?;
            } else {
                from.rename(&name, to, &name)?;
            }
            set_mode(to, &name, FILE_MODE)?;
            return Ok(Ok(()));
        }
        let Some(depth) = depth.checked_sub(1) else {
            let start: String = path.chars().take(60).collect();
            return Ok(Err(Refusal::job(format!(
                "the container wrote directories to an output that are nested more than {MAX_PATH_DEPTH} deep, below \
                 {start:?}…: results cannot contain them"
            ))
            .into()));
        };
        set_mode(from, &name, DIR_MODE)?;
        to.create_dir(&name)?;
        Ok(self.all(&entry.open_dir()?, &to.open_dir(&name)?, &format!("{path}/"), depth))
    }
}

/// Copies a file. Stops soon after `deadline`.
fn copy(from: &File, mut to: &File, deadline: &Deadline) -> io::Result<()> {
    loop {
        deadline.check_io()?;
        if io::copy(&mut from.take(COPIED_BYTES), &mut to)? == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// The directory of outputs, with one in it, and an empty one.
    fn dirs() -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("outputs/o"), dir.path().join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir(&to).unwrap();
        (dir, from, to)
    }

    #[test]
    fn files_are_kept_and_links_and_pipes_stay() {
        let (dir, from, to) = dirs();
        fs::create_dir_all(from.join("sub/empty")).unwrap();
        fs::write(from.join("sub/a"), "1").unwrap();
        fs::hard_link(from.join("sub/a"), from.join("b")).unwrap();
        symlink("/etc/passwd", from.join("passwd")).unwrap();
        symlink(dir.path(), from.join("out")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, from.join("pipe"), rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
        fs::set_permissions(from.join("b"), fs::Permissions::from_mode(0o4000)).unwrap();
        fs::set_permissions(from.join("sub"), fs::Permissions::from_mode(0o0)).unwrap();
        let mut left = Left::default();
        export(&from, &to, &mut left, &Deadline::never()).unwrap();
        assert_eq!(left, Left { links: 2, others: 1 });
        fs::write(to.join("b"), "changed").unwrap();
        assert_eq!(fs::read_to_string(to.join("sub/a")).unwrap(), "1", "each name has its own file");
        assert!(to.join("sub/empty").is_dir() && !to.join("passwd").exists());
        assert_eq!(fs::metadata(to.join("b")).unwrap().permissions().mode() & 0o7777, 0o644);
    }

    #[test]
    fn names_and_depths_that_results_cannot_have_are_refused_by_name() {
        for (name, shown) in [(&b"a\nb"[..], r"a\nb"), (b"\xff", "\u{fffd}"), (b"back\\slash", "back")] {
            let (_dir, from, to) = dirs();
            fs::write(from.join(OsStr::from_bytes(name)), "").unwrap();
            let error = export(&from, &to, &mut Left::default(), &Deadline::never()).unwrap_err();
            assert!(matches!(error, Error::Refused(_)) && error.to_string().contains(shown), "{error}");
        }
        let (_dir, from, to) = dirs();
        fs::create_dir_all(from.join("d/".repeat(300))).unwrap();
        let error = export(&from, &to, &mut Left::default(), &Deadline::never()).unwrap_err();
        assert!(matches!(error, Error::Refused(_)) && error.to_string().contains("256 deep"), "{error}");
    }

    #[test]
    fn modes_are_set_of_what_may_not_be_opened_and_of_nothing_behind_a_link() {
        let (dir, from, _) = dirs();
        let kept = dir.path().join("kept");
        fs::write(&kept, "").unwrap();
        fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&kept, from.join("link")).unwrap();
        fs::create_dir(from.join("closed")).unwrap();
        fs::set_permissions(from.join("closed"), fs::Permissions::from_mode(0o0)).unwrap();
        let root = Dir::open_ambient_dir(&from, ambient_authority()).unwrap();
        set_mode(&root, OsStr::new("closed"), DIR_MODE).unwrap();
        set_mode(&root, OsStr::new("link"), FILE_MODE).unwrap_err();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&from.join("closed")), mode(&kept)), (0o755, 0o600));
    }

    #[test]
    fn too_much_is_seen_and_links_are_not_followed() {
        let (dir, from, _) = dirs();
        fs::write(from.join("a"), "12345").unwrap();
        fs::create_dir(from.join("sub")).unwrap();
        fs::write(from.join("sub/b"), "12345").unwrap();
        symlink("/", from.join("root")).unwrap();
        let over = |output_bytes, output_files| {
            let limits = ContainerLimits { output_bytes, output_files, ..ContainerLimits::default() };
            over(&dir.path().join("outputs"), &limits).unwrap()
        };
        assert_eq!(over(10, 4), None);
        assert_eq!(over(9, 4), Some(Limit::OutputBytes));
        assert_eq!(over(10, 3), Some(Limit::OutputFiles));
    }
}
