//! What is said on standard error while a command works: one short line for each phase, and a progress bar where
//! standard error is a terminal. Results never go here.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use crate::storage::Progress;

/// Standard error, or silence.
#[derive(Debug)]
pub(super) struct Talk {
    quiet: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Talk {
    /// Says nothing when `quiet`.
    pub(super) fn new(quiet: bool) -> Arc<Self> {
        Arc::new(Self { quiet, bar: Mutex::new(None) })
    }

    /// Says that a phase begins or ended.
    pub(super) fn say(&self, line: impl AsRef<str>) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
        if !self.quiet {
            // Nobody can be told that nobody can be told.
            let _ = writeln!(io::stderr(), "{}", line.as_ref());
        }
    }

    /// Shows how a download gets on.
    pub(super) fn progress(self: &Arc<Self>) -> Progress {
        let talk = Arc::clone(self);
        let shown = !self.quiet && io::stderr().is_terminal();
        Arc::new(move |received, total| {
            if shown {
                talk.bar().get_or_insert_with(|| new_bar(total)).set_position(received);
            }
        })
    }

    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "  {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"),
        None => (ProgressBar::no_length(), "  {bytes}, {bytes_per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
