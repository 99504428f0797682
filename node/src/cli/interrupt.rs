//! What happens on Ctrl-C and its like: nothing half-done stays behind.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::exit::Exit;
use crate::temporary;

/// How long temporary files have to be gone before it is believed.
const GONE: Duration = Duration::from_millis(50);
/// How often they are looked at until then.
const LOOK: Duration = Duration::from_millis(2);
/// How long an interruption takes at most.
const LONGEST: Duration = Duration::from_secs(5);

/// Held while results change their names: an interruption waits for that.
static RENAMING: Mutex<()> = Mutex::new(());

/// What is to be ended before anything is removed.
static ENDS: Mutex<Vec<Box<dyn FnOnce() + Send>>> = Mutex::new(Vec::new());

/// Who is told of signals, where they do not end the process.
static AWAITED: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);

/// What is said when the process is interrupted.
static NOTE: Mutex<Option<String>> = Mutex::new(None);

/// From now on, an interruption says `note`: what goes on without this process. `None` where nothing does any more.
pub(super) fn says(note: Option<String>) {
    *NOTE.lock().unwrap_or_else(PoisonError::into_inner) = note;
}

/// From now on, a signal that ends the process does `end` first: what goes on without the process is ended by that.
pub(super) fn ends(end: impl FnOnce() + Send + 'static) {
    ENDS.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(end));
}

/// From now on, a signal that ends the process removes all of its temporary files first. The first thing that a command does.
pub(super) fn begin() {
    // On a system without signals they stay until the next sweep, which harms nobody.
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
            // A terminal shows ^C in front of it.
            let _ = writeln!(std::io::stderr(), "\n{note}");
        }
        std::process::exit(i32::from(Exit::Interrupted as u8));
    });
}

/// Runs still write while their files are removed, and nodes that are just being started make directories anew: so all of
/// them have to be gone for a moment.
fn remove_for_good() {
    let mut paths = BTreeSet::new();
    let (begun, mut gone) = (Instant::now(), Instant::now());
    while gone.elapsed() < GONE && begun.elapsed() < LONGEST {
        paths.extend(temporary::live());
        for path in paths.iter().filter(|path| path.symlink_metadata().is_ok()) {
            // Tried again, as long as it is there.
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            gone = Instant::now();
        }
        if paths.is_empty() {
            return;
        }
        std::thread::sleep(LOOK);
    }
}

/// From now on, the first signal that would end the process is a message, as long as the receiver is there. The second ends it
/// as any other, whatever it does.
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

/// Returns, unless the process was interrupted: then what failed because of that is not worth a word.
pub(super) fn not_interrupted() {
    drop(RENAMING.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Does `work`, which an interruption must not tear apart.
pub(super) fn not_during<T>(work: impl FnOnce() -> T) -> T {
    let _renaming = RENAMING.lock().unwrap_or_else(PoisonError::into_inner);
    work()
}
