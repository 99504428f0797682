//! One command of the scheduler, with bounds on its output and its time.

use std::io::{self, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bacalhau_tree::HostFailure;

/// Interval at which the end is looked for.
const BEAT: Duration = Duration::from_millis(10);
/// Maximum standard error that is quoted in bytes.
const QUOTED_BYTES: u64 = 1000;

/// How a command has ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// With exit code 0 and this standard output.
    Well(String),
    /// Otherwise, as text for people with its standard error.
    Badly(String),
    /// It was killed after the timeout.
    Late,
}

/// Runs `command` with `input` as its standard input.
///
/// # Errors
/// When it cannot be started, or prints more than `most` bytes.
pub(super) fn run(mut command: Command, input: &[u8], most: u64, patience: Duration) -> Result<Ended, HostFailure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error| HostFailure::io(format!("run {name}"), error);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Killed(command.spawn().map_err(failed)?);
    let stdout = child.0.stdout.take().map(|stream| read(stream, most + 1));
    let stderr = child.0.stderr.take().map(|stream| read(stream, QUOTED_BYTES));
    if let Some(mut stdin) = child.0.stdin.take() {
        // A script is far smaller than a pipe; the command may end without reading it.
        let _ = stdin.write_all(input);
    }
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.0.try_wait().map_err(failed)? {
            break status;
        }
        if begun.elapsed() > patience {
            return Ok(Ended::Late);
        }
        thread::sleep(BEAT);
    };
    let text = |stream: Option<mpsc::Receiver<Vec<u8>>>| {
        // A process that it has started may hold the stream open.
        stream.and_then(|bytes| bytes.recv_timeout(patience).ok()).unwrap_or_default()
    };
    let (stdout, stderr) = (text(stdout), text(stderr));
    if stdout.len() as u64 > most {
        return Err(HostFailure::new(format!("{name} printed more than {most} bytes")));
    }
    let stdout = String::from_utf8(stdout);
    let stdout = stdout.map_err(|_| HostFailure::new(format!("{name} printed something other than UTF-8 text")))?;
    if status.success() {
        return Ok(Ended::Well(stdout));
    }
    Ok(Ended::Badly(format!("{} ({status})", String::from_utf8_lossy(&stderr).trim())))
}

fn read(stream: impl Read + Send + 'static, most: u64) -> mpsc::Receiver<Vec<u8>> {
    let (send, bytes) = mpsc::channel();
    thread::spawn(move || {
        let mut stream = stream;
        let mut text = Vec::new();
        // What was read before an error counts.
        let _ = stream.by_ref().take(most).read_to_end(&mut text);
        // The command is given up after its timeout.
        let _ = send.send(text);
        // So that it does not block on a full pipe.
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    bytes
}

/// A process that is killed on drop.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // It may have ended just now.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, patience: Duration) -> Result<Ended, HostFailure> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script);
        run(command, b"input", 100, patience)
    }

    #[test]
    fn a_command_ends_well_badly_or_late_and_prints_little() {
        let long = Duration::from_mins(2);
        assert!(matches!(sh("cat", long), Ok(Ended::Well(text)) if text == "input"));
        let Ok(Ended::Badly(why)) = sh("echo wrong >&2; yes | head -c 1000000 >&2; exit 3", long) else { panic!() };
        assert!(why.starts_with("wrong") && why.contains("exit status: 3") && why.len() < 2000, "{why}");
        assert!(matches!(sh("exec sleep 600", Duration::from_millis(50)), Ok(Ended::Late)));
        assert!(sh("head -c 101 /dev/zero", long).unwrap_err().to_string().contains("more than 100 bytes"));
        assert!(sh(r"printf '\377'", long).unwrap_err().to_string().contains("other than UTF-8"));
        let missing = run(Command::new("/no/such/sbatch"), b"", 1, long).unwrap_err().to_string();
        assert!(missing.starts_with("cannot run /no/such/sbatch: "), "{missing}");
    }
}
