//! One compile process from start to end. When this returns, the process has ended.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use bacalhau_tree::{Deadline, HostFailure};

use super::CompileReport;

/// Interval at which the deadline is checked.
const BEAT: Duration = Duration::from_millis(20);
/// Maximum output of a process in bytes.
const MAX_OUTPUT_BYTES: u64 = 64 << 10;
/// Maximum output quoted in an error in bytes.
const QUOTED_BYTES: usize = 300;
/// Clock ticks a second in `/proc`; equal on all targets of Rust.
const TICKS_PER_SECOND: u64 = 100;

/// The module.
#[derive(Debug)]
pub(super) enum Input<'a> {
    /// Bytes that are written to a pipe.
    Bytes(&'a [u8]),
    /// As a file.
    File(File),
}

/// How a process has ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// With a report.
    Reported(CompileReport),
    /// Over its limit of processor time.
    OutOfTime,
    /// Over its limit of memory.
    OutOfMemory,
    /// In another way, as text that completes "the process …".
    Otherwise(String),
    /// Killed after its deadline or a cancellation.
    Stopped {
        /// The reason.
        failure: HostFailure,
        /// Processor time used.
        used: Duration,
    },
}

/// Runs `command` on `input` until `deadline`.
///
/// # Errors
/// When it cannot be started or awaited.
pub(super) fn run(mut command: Command, input: Input<'_>, deadline: &Deadline) -> Result<Ended, HostFailure> {
    deadline.check()?;
    let failed = |error| HostFailure::io("start the process that compiles the module", error);
    let (output, writer) = io::pipe().map_err(failed)?;
    command.stdout(writer.try_clone().map_err(failed)?).stderr(writer);
    let bytes = match input {
        Input::Bytes(bytes) => Some(bytes),
        Input::File(file) => {
            command.stdin(file);
            None
        }
    };
    if bytes.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = Killed(command.spawn().map_err(failed)?);
    // The command has the other ends of the pipe.
    drop(command);
    thread::scope(|scope| {
        if let (Some(bytes), Some(mut stdin)) = (bytes, child.0.stdin.take()) {
            // The process may end before it has read everything.
            scope.spawn(move || stdin.write_all(bytes).unwrap_or_default());
        }
        let (said, says) = mpsc::channel();
        scope.spawn(move || {
            let mut text = Vec::new();
            let read = output.take(MAX_OUTPUT_BYTES).read_to_end(&mut text);
            said.send(read.map(|_| text).unwrap_or_default()).unwrap_or_default();
        });
        let mut text = None;
        loop {
            // The output ends with the process.
            match says.recv_timeout(if text.is_none() { BEAT } else { Duration::from_millis(1) }) {
                Ok(bytes) => text = Some(String::from_utf8_lossy(&bytes).into_owned()),
                Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(1)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let status = child.0.try_wait();
            if status.is_err() {
                // Closed, because the reader below waits for the end of the output.
                child.end();
            }
            if let Some(status) = status.map_err(failed)? {
                let text = text.or_else(|| Some(String::from_utf8_lossy(&says.recv().ok()?).into_owned()));
                return Ok(ended(status, &text.unwrap_or_default()));
            }
            if let Err(failure) = deadline.check() {
                let used = used(&child.0);
                child.end();
                return Ok(Ended::Stopped { failure, used });
            }
        }
    })
}

fn ended(status: ExitStatus, text: &str) -> Ended {
    if let Some(report) = CompileReport::find(text) {
        return Ended::Reported(report);
    }
    if text.contains("memory allocation of") {
        return Ended::OutOfMemory;
    }
    #[cfg(unix)]
    if std::os::unix::process::ExitStatusExt::signal(&status) == Some(rustix::process::Signal::XCPU.as_raw()) {
        return Ended::OutOfTime;
    }
    let from = text.floor_char_boundary(text.len().saturating_sub(QUOTED_BYTES));
    Ended::Otherwise(format!("ended without a result ({status}): {}", text[from..].trim()))
}

/// Processor time of a process; zero if unknown.
fn used(child: &Child) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    // After the program name, which may contain anything, `utime` and `stime` are fields 12 and 13.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * (1000 / TICKS_PER_SECOND))
}

/// A process that is killed on drop.
struct Killed(Child);

impl Killed {
    /// Kills the process and waits until it has ended.
    fn end(&mut self) {
        // It may have ended already.
        self.0.kill().unwrap_or_default();
        if let Err(error) = self.0.wait() {
            tracing::warn!("cannot wait for the compile process {}: {error}", self.0.id());
        }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn sh(script: &str, input: &[u8], deadline: &Deadline) -> Ended {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script);
        run(command, Input::Bytes(input), deadline).unwrap()
    }

    #[test]
    fn a_process_that_ends_says_how_or_shows_it() {
        let ended = |script: &str| sh(script, b"module", &Deadline::new(Duration::from_mins(2)));
        let compiled = r#"[ "$(cat)" = module ] && echo '{"end":"compiled"}'"#;
        assert!(matches!(ended(compiled), Ended::Reported(CompileReport::Compiled)));
        let memory = "echo 'memory allocation of 5 bytes failed' >&2; kill -ABRT $$";
        assert!(matches!(ended(memory), Ended::OutOfMemory));
        assert!(matches!(ended("kill -XCPU $$"), Ended::OutOfTime));
        let Ended::Otherwise(how) = ended("echo a word >&2; exit 3") else { panic!() };
        assert!(how.contains("exit status: 3") && how.contains("a word"), "{how}");
        let Ended::Otherwise(how) = ended("yes | head -c 1000000") else { panic!() };
        assert!(how.len() < 1000, "{how}");
    }

    #[test]
    fn one_that_does_not_end_is_killed_at_the_deadline() {
        let begun = Instant::now();
        // It does not read the module either, which is more than a pipe holds.
        let ended = sh("exec sleep 600", &vec![0; 1 << 20], &Deadline::new(Duration::from_millis(100)));
        let Ended::Stopped { failure, used } = ended else { panic!("{ended:?}") };
        assert!(failure.is_timeout() && used < Duration::from_mins(1), "{failure} {used:?}");
        assert!(begun.elapsed() < Duration::from_mins(5));
    }
}
