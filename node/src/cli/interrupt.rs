//! What happens on Ctrl-C and its like: nothing half-done stays behind.

use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};

use super::exit::Exit;

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
        for end in ENDS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            end();
        }
        // Runs still write while it is removed, so once may not be enough.
        while dir.exists() && std::fs::remove_dir_all(&dir).is_err() {
            std::thread::yield_now();
        }
        std::process::exit(i32::from(Exit::Interrupted as u8));
    });
}

/// From now on, a signal that would end the process is a message.
pub(super) fn awaited() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    // A second handler, or a system without signals: then the process is ended as any other.
    let _ = ctrlc::set_handler(move || {
        let _ = sender.send(());
    });
    receiver
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
