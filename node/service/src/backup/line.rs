//! Transfers the jobs of a serving node, which has locked their file, to a backup: by a socket in the data directory
//! that only its owner can connect to.

use std::fs::{self, File, Permissions};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bacalhau_tree::HostFailure;

use bacalhau_files::temporary;
use bacalhau_store::{FILE_NAME, JobStore};

/// The socket in a data directory.
const NAME: &str = "backup.sock";
/// Longer paths do not fit into the address of a socket everywhere.
const LONGEST: usize = 100;
/// Idle timeout of the receiver.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time that a serving process takes to copy its jobs, others that wait before included.
const COPY_PATIENCE: Duration = Duration::from_mins(30);
/// The request.
const ASKED: &str = "jobs\n";
/// Bytes of the first line of an answer, at most.
const MAX_HEAD: u64 = 4096;

/// Serves backups until dropped.
#[derive(Debug)]
pub(crate) struct Line {
    data_dir: PathBuf,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    /// Serves `jobs`, whose file in `data_dir` is locked by this process.
    ///
    /// # Errors
    /// When the file system has no sockets, or a thread cannot be started.
    pub(crate) fn start(data_dir: &Path, jobs: Arc<JobStore>) -> io::Result<Self> {
        let at = Address::of(data_dir)?;
        // Only one process serves this directory, so an existing socket is a leftover.
        match fs::remove_file(&at.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&at.path)?;
        fs::set_permissions(&at.path, Permissions::from_mode(0o600))?;
        let over = Arc::new(AtomicBool::new(false));
        let (dir, ended) = (data_dir.to_path_buf(), Arc::clone(&over));
        let answering = move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let answered = stream.and_then(|stream| answer(stream, &dir, &jobs, &ended));
                if let Err(error) = answered {
                    tracing::warn!("a backup could not be given the jobs: {error}");
                }
            }
        };
        let thread = thread::Builder::new().name("backups".into()).spawn(answering)?;
        Ok(Self { data_dir: data_dir.into(), over, thread: Some(thread) })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let Ok(at) = Address::of(&self.data_dir) else { return };
        // The thread looks at the flag when it is connected to.
        if UnixStream::connect(&at.path).is_ok()
            && let Some(thread) = self.thread.take()
        {
            thread.join().unwrap_or_default();
        }
        fs::remove_file(&at.path).unwrap_or_default();
    }
}

/// One after the other: a copy takes as much room as the jobs do.
fn answer(mut stream: UnixStream, dir: &Path, jobs: &JobStore, over: &AtomicBool) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut asked = String::new();
    BufReader::new(&stream).take(MAX_HEAD).read_line(&mut asked)?;
    if asked != ASKED {
        return Ok(());
    }
    let copied = temporary::dir_in(dir).map_err(|error| error.to_string()).and_then(|place| {
        let path = place.path().join(FILE_NAME);
        jobs.copy_to(&path).map_err(|error| error.to_string())?;
        Ok((place, path))
    });
    let (_place, path) = match copied {
        Ok(copied) => copied,
        Err(why) => return writeln!(stream, "error {}", why.replace('\n', " ")),
    };
    let mut file = File::open(path)?;
    writeln!(stream, "jobs {}", file.metadata()?.len())?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 || over.load(Ordering::SeqCst) {
            return Ok(());
        }
        stream.write_all(&buffer[..length])?;
    }
}

/// The jobs of the process that serves `data_dir`, and how many bytes they have; `None` where none serves it.
///
/// # Errors
/// When it cannot copy them, or does not answer.
pub(super) fn jobs(data_dir: &Path) -> Result<Option<(impl Read + use<>, u64)>, HostFailure> {
    let failed =
        |error| HostFailure::io(format!("get the jobs from the process that serves {}", data_dir.display()), error);
    let Ok(at) = Address::of(data_dir) else { return Ok(None) };
    let mut stream = match UnixStream::connect(&at.path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    stream.set_read_timeout(Some(COPY_PATIENCE)).map_err(failed)?;
    stream.write_all(ASKED.as_bytes()).map_err(failed)?;
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    stream.by_ref().take(MAX_HEAD).read_line(&mut head).map_err(failed)?;
    let told = head.trim_end();
    if let Some(why) = told.strip_prefix("error ") {
        return Err(failed(io::Error::other(why.to_owned())));
    }
    let length = told.strip_prefix("jobs ").and_then(|length| length.parse().ok());
    let ended = || failed(io::Error::new(ErrorKind::UnexpectedEof, "it has ended; try again"));
    let length: u64 = length.ok_or_else(ended)?;
    Ok(Some((stream.take(length), length)))
}

/// Whether a process serves `data_dir` and answers backups.
pub(super) fn is_answered(data_dir: &Path) -> bool {
    Address::of(data_dir).is_ok_and(|at| UnixStream::connect(&at.path).is_ok())
}

/// Where the socket of a data directory is, as its address can be written.
struct Address {
    path: PathBuf,
    /// Open as long as the path may lead through it.
    _dir: File,
}

impl Address {
    fn of(data_dir: &Path) -> io::Result<Self> {
        let dir = File::open(data_dir)?;
        let mut path = data_dir.join(NAME);
        if path.as_os_str().len() > LONGEST {
            path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(NAME);
        }
        Ok(Self { path, _dir: dir })
    }
}
