//! Handling of Ctrl-C and other termination signals: temporary files are removed.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::exit::Exit;
use bacalhau_files::temporary;

/// How long temporary files must be absent before removal counts as complete.
const GONE: Duration = Duration::from_millis(50);
/// Poll interval until then.
const LOOK: Duration = Duration::from_millis(2);
/// Maximum duration of the cleanup.
const LONGEST: Duration = Duration::from_secs(5);

/// Held while results are renamed; the cleanup waits for it.
static RENAMING: Mutex<()> = Mutex::new(());

/// Tasks that end before files are removed.
static ENDS: Mutex<Vec<Box<dyn FnOnce() + Send>>> = Mutex::new(Vec::new());

/// Receiver of signals that do not end the process.
static AWAITED: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);

/// Message printed at interruption.
static NOTE: Mutex<Option<String>> = Mutex::new(None);

/// Sets the message printed at interruption, about work that continues without this process; `None` prints nothing.
pub(super) fn says(note: Option<String>) {
    *NOTE.lock().unwrap_or_else(PoisonError::into_inner) = note;
}

/// Registers `end`, which ends work that would otherwise continue without the process. It runs before the cleanup.
pub(super) fn ends(end: impl FnOnce() + Send + 'static) {
    ENDS.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(end));
}

/// Installs the handler that removes temporary files. Each command calls it first.
pub(super) fn begin() {
    // Without signals, the files remain until the next sweep.
    let _ = ctrlc::set_handler(|| {
        let awaited = AWAITED.lock().unwrap_or_else(PoisonError::into_inner).take();
        if awaited.is_some_and(|awaited| awaited.send(()).is_ok()) {
            return;
        }
        let _no_renaming = RENAMING.lock().unwrap_or_else(PoisonError::into_inner);
        end_all();
        remove_for_good();
        let note = NOTE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(note) = note {
            // A terminal prints ^C before it.
            let _ = writeln!(std::io::stderr(), "\n{note}");
        }
        std::process::exit(i32::from(Exit::Interrupted as u8));
    });
}

/// Removes all temporary files until they stay absent: runs and starting nodes may still create files.
fn remove_for_good() {
    let mut paths = BTreeSet::new();
    let (begun, mut gone) = (Instant::now(), Instant::now());
    while gone.elapsed() < GONE && begun.elapsed() < LONGEST {
        paths.extend(temporary::live());
        for path in paths.iter().filter(|path| path.symlink_metadata().is_ok()) {
            // Retried while it exists.
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            gone = Instant::now();
        }
        if paths.is_empty() {
            return;
        }
        std::thread::sleep(LOOK);
    }
}

/// From now on, the first termination signal is sent to the receiver while it exists. The second ends the process.
pub(super) fn awaited() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    *AWAITED.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    receiver
}

fn end_all() {
    let ends = std::mem::take(&mut *ENDS.lock().unwrap_or_else(PoisonError::into_inner));
    for end in ends {
        end();
    }
}

/// Returns unless the process was interrupted: then the interruption ends the process, with its own exit code.
pub(super) fn not_interrupted() {
    drop(RENAMING.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Runs `work` without interruption.
pub(super) fn not_during<T>(work: impl FnOnce() -> T) -> T {
    let _renaming = RENAMING.lock().unwrap_or_else(PoisonError::into_inner);
    work()
}
