//! External probes that may reject a job: a URL or a command, configured by the operator.

use std::fmt;
use std::io::{self, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use libp2p_identity::PeerId;
use serde_json::json;
use url::Url;

use bacalhau_http::{Client, Reach, Terms};
use bacalhau_job::AnnouncedJob;

/// Timeout of a probe.
const PATIENCE: Duration = Duration::from_secs(10);
/// Environment variable that also contains the job, for compatibility.
const VARIABLE: &str = "BACALHAU_JOB_SELECTION_PROBE_DATA";
/// Linux limits the size of a variable. Standard input has no such limit.
const MAX_VARIABLE_BYTES: usize = 100 << 10;

/// A probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The job is sent by POST as JSON; status 200 accepts it, any other rejects it.
    Http(Url),
    /// A command for `/bin/sh`. It receives the job as JSON on standard input and, up to 100 KiB, in
    /// `BACALHAU_JOB_SELECTION_PROBE_DATA`; the environment is empty otherwise. Exit code 0 accepts the job. The
    /// command and its children are killed after 10 s.
    Exec(String),
}

/// Why a probe does not accept a job.
#[derive(Debug)]
pub enum ProbeError {
    /// The probe rejected the job, or its URL did not answer.
    Rejected {
        /// The URL, or the quoted command.
        probe: String,
        /// The status, exit code or error.
        why: String,
    },
    /// The command cannot be started.
    Start {
        /// The command.
        command: String,
        /// The error of the host.
        error: io::Error,
    },
    /// The command did not end within the timeout.
    Silent {
        /// The command.
        command: String,
        /// The timeout.
        patience: Duration,
    },
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { probe, why } => write!(f, "the probe {probe} rejected the job: {why}"),
            Self::Start { command, error } => write!(f, "the probe {command:?} cannot be started: {error}"),
            Self::Silent { command, patience } => {
                write!(f, "the probe {command:?} did not answer for {} s", patience.as_secs_f64())
            }
        }
    }
}

impl std::error::Error for ProbeError {}

impl Probe {
    /// Asks whether `me` should run `job`.
    ///
    /// # Errors
    /// The rejection, or why there was no answer.
    pub fn ask(&self, me: &PeerId, job: &AnnouncedJob) -> Result<(), ProbeError> {
        self.ask_for(PATIENCE, &question(me, job))
    }

    fn ask_for(&self, patience: Duration, question: &str) -> Result<(), ProbeError> {
        match self {
            Self::Http(url) => ask_url(url, patience, question),
            Self::Exec(command) => ask_command(command, patience, question),
        }
    }
}

fn question(me: &PeerId, job: &AnnouncedJob) -> String {
    json!({
        "node_id": me.to_string(),
        "job_id": job.id.to_string(),
        "requester": job.requester.peer.to_string(),
        "client": job.request.client().map(|client| client.to_string()),
        "spec": job.spec(),
        "execution_plan": { "shards_total": job.shards.len() },
    })
    .to_string()
}

fn ask_url(url: &Url, patience: Duration, question: &str) -> Result<(), ProbeError> {
    // The operator configures the URL; it usually points to this machine.
    let terms = Terms { reach: Reach::Anywhere, patience, total: Some(patience), idle_connections: 0 };
    let headers = [("Content-Type", "application/json")];
    let answer = Client::new(terms).post(url, &headers, question.as_bytes());
    let rejected = |why: String| ProbeError::Rejected { probe: url.to_string(), why };
    match answer.map_err(|error| rejected(error.to_string()))?.status() {
        status if status.as_u16() == 200 => Ok(()),
        status => Err(rejected(format!("status {status}, and only 200 accepts it"))),
    }
}

fn ask_command(command: &str, patience: Duration, question: &str) -> Result<(), ProbeError> {
    let failed = |error| ProbeError::Start { command: command.into(), error };
    let mut process = Command::new("/bin/sh");
    process.arg("-c").arg(command).env_clear().stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    if question.len() <= MAX_VARIABLE_BYTES {
        process.env(VARIABLE, question);
    }
    // Its own process group, so that its children are killed too.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut process, 0);
    let mut child = process.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        let question = question.to_owned();
        // It need not read its input.
        thread::spawn(move || stdin.write_all(question.as_bytes()).unwrap_or_default());
    }
    let (id, (sender, ended)) = (child.id(), mpsc::channel());
    // After a timeout the result is not read, but the process is still awaited.
    thread::spawn(move || sender.send(child.wait()).unwrap_or_default());
    match ended.recv_timeout(patience) {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(ProbeError::Rejected { probe: format!("{command:?}"), why: end_of(status) }),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => {
            kill(id);
            Err(ProbeError::Silent { command: command.into(), patience })
        }
    }
}

fn end_of(status: ExitStatus) -> String {
    status.code().map_or_else(|| "it was killed".into(), |code| format!("it exited with {code}"))
}

/// Kills a process that was not awaited yet, with its group.
fn kill(id: u32) {
    let Some(group) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) else { return };
    // It may just have ended.
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use bacalhau_testkit::server::{TestServer, respond};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_command_decides_by_its_exit_code() {
        let exec = |command: &str| Probe::Exec(command.into()).ask_for(10 * SECOND, r#"{"job_id":"x"}"#);
        exec("exit 0").unwrap();
        assert!(exec("exit 3").unwrap_err().to_string().contains("exited with 3"));
        assert!(exec("kill -9 $$").unwrap_err().to_string().contains("was killed"));
        let same = r#"read line; [ "$line" = "$BACALHAU_JOB_SELECTION_PROBE_DATA" ] && [ -z "$HOME" ]"#;
        // Without an end of line, `read` answers 1 though it has read.
        exec(same).unwrap();
    }

    #[test]
    fn a_silent_command_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("alive");
        let command = format!("(sleep 3; echo > {}) & wait", mark.display());
        let begun = Instant::now();
        let error = Probe::Exec(command).ask_for(SECOND / 5, &"x".repeat(1 << 20)).unwrap_err().to_string();
        assert!(error.contains("did not answer"), "{error}");
        assert!(begun.elapsed() < 3 * SECOND);
        assert!(!mark.exists());
    }

    #[test]
    fn a_url_decides_by_its_status() {
        for (status, wanted) in [("200 OK", true), ("204 No Content", false), ("500 Internal Server Error", false)] {
            let server = TestServer::start(move |_, stream| respond(stream, status, &[], b""));
            let asked = Probe::Http(server.url("/probe")).ask_for(10 * SECOND, r#"{"job_id":"x"}"#);
            assert_eq!(asked.is_ok(), wanted, "{status}: {asked:?}");
            let request = &server.asked()[0];
            assert_eq!((request.method.as_str(), request.body.as_slice()), ("POST", &br#"{"job_id":"x"}"#[..]));
        }
        let nobody = Url::parse("http://127.0.0.1:9/").unwrap();
        assert!(Probe::Http(nobody).ask_for(SECOND, "{}").unwrap_err().to_string().contains("rejected the job"));
    }
}
