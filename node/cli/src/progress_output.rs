//! Progress on standard error: one short line for each phase; on a terminal also a progress bar or a spinner. Results
//! never go here.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use bacalhau_storage::Progress;

/// Work shorter than this shows no spinner.
const SOON: Duration = Duration::from_secs(1);
/// Interval of the spinner.
const BEAT: Duration = Duration::from_millis(100);

/// Standard error, or quiet.
#[derive(Debug)]
pub(super) struct Ui {
    quiet: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Ui {
    /// `quiet` suppresses all output.
    pub(super) fn new(quiet: bool) -> Arc<Self> {
        Arc::new(Self { quiet, bar: Mutex::new(None) })
    }

    /// Clears the progress display. A completed bar stays at 100 %.
    pub(super) fn done(&self) {
        let Some(bar) = self.bar().take() else { return };
        if bar.length().is_some_and(|length| bar.position() >= length) {
            bar.finish();
        } else {
            bar.finish_and_clear();
        }
    }

    /// Prints a line about a phase.
    pub(super) fn say(&self, line: impl AsRef<str>) {
        self.done();
        if !self.quiet {
            // If standard error is closed, the line is lost.
            let _ = writeln!(io::stderr(), "{}", line.as_ref());
        }
    }

    /// Prints a change: `line`, or on a terminal `whole`, which is replaced by the next output.
    pub(super) fn status(&self, line: &str, whole: &str) {
        if self.on_terminal() {
            self.bar().get_or_insert_with(|| new_spinner(whole)).set_message(whole.to_owned());
        } else {
            self.say(line);
        }
    }

    /// Runs `work` and shows `what` with a spinner if it takes long.
    pub(super) fn during<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        if !self.on_terminal() {
            return work();
        }
        thread::scope(|scope| {
            // Dropped after the work or a panic, which ends the other thread.
            let (_working, done) = mpsc::channel::<()>();
            scope.spawn(move || {
                if done.recv_timeout(SOON) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let spinner = new_spinner(what).with_elapsed(SOON);
                    let _ = done.recv();
                    spinner.finish_and_clear();
                }
            });
            work()
        })
    }

    fn on_terminal(&self) -> bool {
        !self.quiet && io::stderr().is_terminal() && output::obeys()
    }

    /// A progress display for downloads.
    pub(super) fn progress(self: &Arc<Self>) -> Progress {
        let ui = Arc::clone(self);
        let shown = self.on_terminal();
        Arc::new(move |received, total| {
            if shown {
                let mut bar = ui.bar();
                let bar = bar.get_or_insert_with(|| new_bar(total));
                // Several downloads share one bar.
                if let Some(total) = total.filter(|total| bar.length() != Some(*total)) {
                    bar.set_length(total);
                }
                bar.set_position(received);
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
    styled(bar, template)
}

fn new_spinner(what: &str) -> ProgressBar {
    let spinner = styled(ProgressBar::new_spinner(), "  {spinner} {msg}, {elapsed}").with_message(what.to_owned());
    spinner.enable_steady_tick(BEAT);
    spinner
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
