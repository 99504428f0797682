//! Cache of compiled modules on disk. Each entry has a tag under a key that only this user can read, so entries of
//! other users are ignored and replaced. It never contains results.

use std::ffi::OsStr;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, MetadataExt, OpenOptions, OpenOptionsExt, PermissionsExt};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use sha2::{Digest, Sha256};

/// Name of the file with the key.
const KEY_FILE: &str = "key";
/// Bytes of the key, and of the tag at the end of an entry.
const KEY_BYTES: usize = 32;
/// When all entries together are larger, the oldest go: both forms of some 10 modules of 25 MB.
const MOST_BYTES: u64 = 2 << 30;

/// A directory of compiled modules. Processes may share it: entries appear whole or not at all.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: Dir,
    key: [u8; KEY_BYTES],
}

/// Counter of an event about a missing entry: a file with one byte for each event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Note {
    /// It was begun to be made; as long as the entry is not there, the process was ended over it, or is at it.
    Attempt,
    /// A run without it took long.
    LongRun,
}

impl Note {
    fn file(self, name: &str) -> String {
        let kind = match self {
            Self::Attempt => "attempts",
            Self::LongRun => "long",
        };
        format!("{name}.{kind}")
    }
}

/// Held while a module is optimised.
#[derive(Debug)]
pub(crate) struct Slot {
    _file: std::fs::File,
}

impl Cache {
    /// Opens or creates the directory, which only its owner may write to.
    ///
    /// # Errors
    /// When it cannot be used, or another user could read or replace its content.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        keep_others_out(&dir)?;
        let key = read_key(&dir).or_else(|_| make_key(&dir))?;
        Ok(Self { dir, key })
    }

    /// The file with the entry of that name, if it is sound. Its last 32 bytes are the tag.
    pub(crate) fn get(&self, name: &str) -> Option<File> {
        let mut file = self.dir.open(name).ok()?;
        let length = file.metadata().ok()?.len().checked_sub(KEY_BYTES as u64)?;
        let mut content = Sha256::new();
        copy(&mut (&mut file).take(length), &mut content).ok()?;
        let mut tag = [0; KEY_BYTES];
        file.read_exact(&mut tag).ok()?;
        (tag == self.tag(name, content.finalize().into())).then_some(file)
    }

    /// Adds an entry. After an error, the module is compiled again next time.
    pub(crate) fn put(&self, name: &str, content: &[u8]) {
        let tag = self.tag(name, Sha256::digest(content).into());
        let temporary = temporary(name);
        let written = create_private(&self.dir, &temporary)
            .and_then(|mut file| file.write_all(content).and_then(|()| file.write_all(&tag)))
            .and_then(|()| self.dir.rename(&temporary, &self.dir, name));
        if written.is_err() {
            // The file may never have been made.
            let _ = self.dir.remove_file(&temporary);
        }
        self.prune();
    }

    /// Whether there is an entry of that name, sound or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.dir.metadata(name).is_ok()
    }

    /// Takes the exclusive right among all processes to optimize modules of this directory: a lock on the key file,
    /// released when the process ends. `None` when another process has it, or the file system has no locks.
    pub(crate) fn try_slot(&self) -> Option<Slot> {
        let file = self.slot_file().ok()?;
        file.try_lock().is_ok().then_some(Slot { _file: file })
    }

    /// Waits for the right to optimize. `None` when the file system has no locks: then there is no exclusion.
    pub(crate) fn slot(&self) -> Option<Slot> {
        let file = self.slot_file().ok()?;
        file.lock().is_ok().then_some(Slot { _file: file })
    }

    fn slot_file(&self) -> io::Result<std::fs::File> {
        // Exclusive locks on network file systems want a file that is open for writing.
        Ok(self.dir.open_with(KEY_FILE, OpenOptions::new().read(true).write(true))?.into_std())
    }

    /// A file in the directory that has no name any more and holds `content`, at its start.
    pub(crate) fn spool(&self, content: &[u8]) -> io::Result<std::fs::File> {
        let name = temporary("spool");
        let mut file =
            self.dir.open_with(&name, OpenOptions::new().read(true).write(true).create_new(true).mode(0o600))?;
        self.dir.remove_file(&name)?;
        file.write_all(content)?;
        file.rewind()?;
        Ok(file.into_std())
    }

    /// How many notes of that kind there are about an entry that is still to come.
    pub(crate) fn notes(&self, name: &str, note: Note) -> u64 {
        self.dir.metadata(note.file(name)).map_or(0, |metadata| metadata.len())
    }

    /// Adds one.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub(crate) fn note(&self, name: &str, note: Note) -> io::Result<()> {
        let mut options = OpenOptions::new();
        self.dir.open_with(note.file(name), options.append(true).create(true).mode(0o600))?.write_all(b"1")
    }

    /// The entry exists now: removes its counters.
    pub(crate) fn forget(&self, name: &str) {
        for note in [Note::Attempt, Note::LongRun] {
            // There may be none, and the entry is found before a note is read.
            let _ = self.dir.remove_file(note.file(name));
        }
    }

    /// All three parts have a fixed length, so a plain hash under a secret prefix can't be extended.
    fn tag(&self, name: &str, content: [u8; 32]) -> [u8; KEY_BYTES] {
        Sha256::new().chain_update(self.key).chain_update(Sha256::digest(name)).chain_update(content).finalize().into()
    }

    /// Removes temporary files of ended processes, and the oldest entries above the size limit. Errors are ignored
    /// until the next time.
    fn prune(&self) {
        let Ok(entries) = self.dir.entries() else { return };
        let mut files: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.file_name() != KEY_FILE)
            .filter_map(|entry| {
                entry.metadata().ok().map(|metadata| (metadata.mtime(), metadata.len(), entry.file_name()))
            })
            .collect();
        files.sort_unstable();
        files.retain(|(_, _, name)| !(is_abandoned(name) && self.dir.remove_file(name).is_ok()));
        let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, name) in files {
            if total <= MOST_BYTES {
                return;
            }
            total -= length;
            let _ = self.dir.remove_file(name);
        }
    }
}

/// A user who can replace files between our operations could redirect the key into their own file.
fn keep_others_out(dir: &Dir) -> io::Result<()> {
    let metadata = dir.dir_metadata()?;
    let (owner, me) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != me {
        return Err(io::Error::other(format!("it belongs to the user {owner}, and this process runs as {me}")));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o1000 != 0 {
        return Err(io::Error::other("it is a directory for files of all users"));
    }
    if mode & 0o022 == 0 {
        return Ok(());
    }
    // The directory's own handle may not allow changes.
    let opened = rustix::fs::openat(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::fs::fchmod(opened, Mode::from_raw_mode(mode & !0o022))?)
}

fn read_key(dir: &Dir) -> io::Result<[u8; KEY_BYTES]> {
    let mut file = dir.open(KEY_FILE)?;
    let metadata = file.metadata()?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    if !ours || metadata.permissions().mode() & 0o077 != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    Ok(key)
}

/// Makes a key, unless another process is quicker: then theirs counts.
fn make_key(dir: &Dir) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    #[expect(clippy::disallowed_methods, reason = "the key is this machine's secret; no guest and no result sees it")]
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let temporary = temporary(KEY_FILE);
    create_private(dir, &temporary)?.write_all(&key)?;
    // A link, and not a rename: it fails where there is a key already.
    let linked = dir.hard_link(&temporary, dir, KEY_FILE);
    dir.remove_file(&temporary)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_key(dir),
        Err(error) => Err(error),
    }
}

/// A name that no other thread or process uses at the same time.
fn temporary(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{name}.{}.{}.new", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Whether this is a temporary file of an ended process.
fn is_abandoned(name: &OsStr) -> bool {
    let writer = || {
        let (_, process) = name.to_str()?.strip_suffix(".new")?.rsplit_once('.')?.0.rsplit_once('.')?;
        Pid::from_raw(process.parse().ok()?)
    };
    writer().is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH))
}

/// Creates a new file, replacing an existing one, so that nothing is written to a file that another user has open.
fn create_private(dir: &Dir, name: &str) -> io::Result<File> {
    let create = || dir.open_with(name, OpenOptions::new().write(true).create_new(true).mode(0o600));
    match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            dir.remove_file(name)?;
            create()
        }
        created => created,
    }
}

/// `io::copy` into a hasher, with a buffer that suits files of many megabytes.
fn copy(from: &mut impl Read, into: &mut Sha256) -> io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            read => into.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests tamper with the files behind the cache's back")]
mod tests {
    use super::*;
    use std::fs;

    fn content(cache: &Cache, name: &str) -> Option<Vec<u8>> {
        let mut file = cache.get(name)?;
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes.truncate(bytes.len() - KEY_BYTES);
        Some(bytes)
    }

    #[test]
    fn what_was_put_is_found_by_every_process_of_the_user() {
        let dir = tempfile::tempdir().unwrap();
        Cache::open(dir.path()).unwrap().put("a", b"code");
        let again = Cache::open(dir.path()).unwrap();
        assert_eq!(content(&again, "a").unwrap(), b"code");
        assert!(again.get("b").is_none());
    }

    #[test]
    fn what_is_not_ours_is_ignored_and_replaced() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cache = Cache::open(dir.path()).unwrap();
        Cache::open(other.path()).unwrap().put("foreign", b"code");
        fs::copy(other.path().join("foreign"), dir.path().join("a")).unwrap();
        assert!(cache.get("a").is_none(), "made under another key");
        for garbage in [&b""[..], b"short", &[0; 100]] {
            fs::write(dir.path().join("a"), garbage).unwrap();
            assert!(cache.get("a").is_none());
        }
        cache.put("a", b"code");
        let sound = fs::read(dir.path().join("a")).unwrap();
        for at in 0..sound.len() {
            let mut flipped = sound.clone();
            flipped[at] ^= 1;
            fs::write(dir.path().join("a"), flipped).unwrap();
            assert!(cache.get("a").is_none(), "a changed byte at {at} is found");
        }
        fs::write(dir.path().join("b"), &sound).unwrap();
        assert!(cache.get("b").is_none(), "an entry counts under its own name only");
        cache.put("a", b"code");
        assert_eq!(content(&cache, "a").unwrap(), b"code");
    }

    #[test]
    fn what_a_dead_process_left_half_written_goes_and_what_a_living_one_writes_stays() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let (left, ours) = (format!("a.{}.0.new", gone.id()), temporary("b"));
        for name in [&left, &ours] {
            fs::write(dir.path().join(name), b"half").unwrap();
        }
        cache.put("c", b"code");
        assert!(!dir.path().join(left).exists());
        assert!(dir.path().join(ours).exists());
    }

    #[test]
    fn the_key_is_not_written_into_files_that_another_user_has_prepared() {
        let dir = tempfile::tempdir().unwrap();
        let trap = dir.path().join("trap");
        fs::write(&trap, b"").unwrap();
        for number in 0..1000 {
            fs::hard_link(&trap, dir.path().join(format!("{KEY_FILE}.{}.{number}.new", std::process::id()))).unwrap();
        }
        let cache = Cache::open(dir.path()).unwrap();
        cache.put("a", b"code");
        assert_eq!(fs::read(&trap).unwrap(), b"");
        assert_eq!(content(&cache, "a").unwrap(), b"code");
    }

    #[test]
    fn a_directory_that_others_have_or_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mode = |mode| fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        mode(0o777);
        drop(Cache::open(dir.path()).unwrap());
        assert_eq!(fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777, 0o755);
        mode(0o1777);
        assert!(Cache::open(dir.path()).unwrap_err().to_string().contains("files of all users"));
        mode(0o700);
        if std::os::unix::fs::chown(dir.path(), Some(1234), None).is_ok() {
            let said = Cache::open(dir.path()).unwrap_err().to_string();
            assert!(said.contains("belongs to the user 1234"), "{said}");
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_no_key() {
        let dir = tempfile::tempdir().unwrap();
        drop(Cache::open(dir.path()).unwrap());
        let key = dir.path().join(KEY_FILE);
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(Cache::open(dir.path()).is_err());
    }

    #[test]
    fn threads_that_open_it_at_once_agree_on_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Cache::open(dir.path()).unwrap().key)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
