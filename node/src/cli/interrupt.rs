//! What happens on Ctrl-C and its like: nothing half-done stays behind.

use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::exit::Exit;

/// How long a directory has to be gone before it is believed.
const GONE: Duration = Duration::from_millis(50);
/// How often it is looked at until then.
const LOOK: Duration = Duration::from_millis(2);
/// How long an interruption takes at most.
const LONGEST: Duration = Duration::from_secs(5);

/// Held while results change their names: an interruption waits for that.
static RENAMING: Mutex<()> = Mutex::new(());

/// What is to be ended before anything is removed.
static ENDS: Mutex<Vec<Box<dyn FnOnce() + Send>>> = Mutex::new(Vec::new());

/// From now on, a signal that ends the process does `end` first: what goes on without the process is ended by that.
pub(super) fn ends(end: impl FnOnce() + Send + 'static) {
    ENDS.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(end));
}

/// From now on, a signal that ends the process removes `dir` first.
pub(super) fn removes(dir: &Path) {
    let dir = dir.to_path_buf();
    // A second handler, or a system without signals: then the directory stays, which harms nobody.
    let _ = ctrlc::set_handler(move || {
        let _no_renaming = RENAMING.lock().unwrap_or_else(PoisonError::into_inner);
        end_all();
        remove_for_good(&dir);
        std::process::exit(i32::from(Exit::Interrupted as u8));
    });
}

/// Runs still write while it is removed, and nodes that are just being started make it anew: so it has to be gone for a moment.
pub(super) fn remove_for_good(dir: &Path) {
    let (begun, mut gone) = (Instant::now(), Instant::now());
    while gone.elapsed() < GONE && begun.elapsed() < LONGEST {
        if dir.exists() {
            // Tried again, as long as it is there.
            let _ = std::fs::remove_dir_all(dir);
            gone = Instant::now();
        }
        std::thread::sleep(LOOK);
    }
}

/// From now on, the first signal that would end the process is a message. The second ends it at once, whatever it does,
/// after what [`ends`] has been told.
pub(super) fn awaited() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    let mut told = false;
    // A second handler, or a system without signals: then the process is ended as any other.
    let _ = ctrlc::set_handler(move || {
        if std::mem::replace(&mut told, true) {
            end_all();
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
        let _ = sender.send(());
    });
    receiver
}

fn end_all() {
    let ends = std::mem::take(&mut *ENDS.lock().unwrap_or_else(PoisonError::into_inner));
    ends.into_iter().for_each(|end| end());
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
