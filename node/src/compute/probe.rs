//! Somebody outside who may veto a job: a URL or a command, as the operator of the node says.

use std::io::Write as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use libp2p::PeerId;
use serde_json::json;
use url::Url;

use crate::http::{Client, Reach, Terms};
use crate::job::AnnouncedJob;

/// How long a probe may think.
const PATIENCE: Duration = Duration::from_secs(10);
/// In which variable a command finds the question too, as it always did.
const VARIABLE: &str = "BACALHAU_JOB_SELECTION_PROBE_DATA";
/// Linux passes no longer one to a process. Standard input has no such bound.
const MAX_VARIABLE_BYTES: usize = 100 << 10;

/// A probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The question is sent by POST as JSON; status 200 is a yes, all else a no.
    Http(Url),
    /// A command for `/bin/sh`, with the question as JSON on standard input and, where it is no larger than 100 KiB, in
    /// `BACALHAU_JOB_SELECTION_PROBE_DATA`; the environment is empty otherwise. Exit code 0 is a yes. It is killed, with
    /// what it has started, after 10 s.
    Exec(String),
}

impl Probe {
    /// Asks whether `me` should run `job`.
    ///
    /// # Errors
    /// That it should not, or that there was no answer.
    pub fn ask(&self, me: &PeerId, job: &AnnouncedJob) -> Result<(), String> {
        self.ask_for(PATIENCE, &question(me, job))
    }

    fn ask_for(&self, patience: Duration, question: &str) -> Result<(), String> {
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
        "spec": job.request.request.spec,
        "execution_plan": { "shards_total": job.shards.len() },
    })
    .to_string()
}

fn ask_url(url: &Url, patience: Duration, question: &str) -> Result<(), String> {
    // The operator wrote the URL, and it mostly leads to this machine.
    let terms = Terms { reach: Reach::Anywhere, patience, total: Some(patience), idle_connections: 0 };
    let headers = [("Content-Type", "application/json")];
    let answer = Client::new(terms).post(url, &headers, question.as_bytes());
    match answer.map_err(|error| format!("the probe {url} does not want the job: {error}"))?.status() {
        status if status.as_u16() == 200 => Ok(()),
        status => Err(format!("the probe {url} does not want the job: it answered {status}, and 200 is a yes")),
    }
}

fn ask_command(command: &str, patience: Duration, question: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the probe {command:?} cannot be started: {error}");
    let mut process = Command::new("/bin/sh");
    process.arg("-c").arg(command).env_clear().stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    if question.len() <= MAX_VARIABLE_BYTES {
        process.env(VARIABLE, question);
    }
    // A group of its own, so that what it starts is ended with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut process, 0);
    let mut child = process.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        let question = question.to_owned();
        // It need not read, and what it does not read is no error.
        thread::spawn(move || stdin.write_all(question.as_bytes()).unwrap_or_default());
    }
    let (id, (sender, ended)) = (child.id(), mpsc::channel());
    // Nobody listens any more after a time-out; the process is waited for all the same.
    thread::spawn(move || sender.send(child.wait()).unwrap_or_default());
    match ended.recv_timeout(patience) {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("the probe {command:?} does not want the job: {}", end_of(status))),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => {
            kill(id);
            Err(format!("the probe {command:?} said nothing for {} s", patience.as_secs_f64()))
        }
    }
}

fn end_of(status: ExitStatus) -> String {
    status.code().map_or_else(|| "it was killed".into(), |code| format!("it exited with {code}"))
}

/// Kills a process that nobody has waited for yet, and its group.
fn kill(id: u32) {
    let Some(group) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) else { return };
    // It may just have ended by itself.
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
        assert_eq!(exec("exit 0"), Ok(()));
        assert!(exec("exit 3").unwrap_err().contains("exited with 3"));
        assert!(exec("kill -9 $$").unwrap_err().contains("was killed"));
        let same = r#"read line; [ "$line" = "$BACALHAU_JOB_SELECTION_PROBE_DATA" ] && [ -z "$HOME" ]"#;
        // Without an end of line, `read` answers 1 though it has read.
        assert_eq!(exec(same), Ok(()));
    }

    #[test]
    fn a_silent_command_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("alive");
        let command = format!("(sleep 3; echo > {}) & wait", mark.display());
        let begun = Instant::now();
        let error = Probe::Exec(command).ask_for(SECOND / 5, &"x".repeat(1 << 20)).unwrap_err();
        assert!(error.contains("said nothing"), "{error}");
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
        assert!(Probe::Http(nobody).ask_for(SECOND, "{}").unwrap_err().contains("does not want"));
    }
}
