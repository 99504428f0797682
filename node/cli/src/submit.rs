//! Submits a job to a server and waits until it has ended.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use libp2p::identity::Keypair;

use super::exit::{Exit, Failure};
use super::network::Submission;
use super::phases::Phases;
use super::progress_output::Ui;
use super::{interrupt, job};
use bacalhau_api::{Description, LogParams};
use bacalhau_api_client::ApiClient;
use bacalhau_job::{Deal, JobId, JobSpec, Request, RequestError, SignedRequest};
use bacalhau_values::hex::Hex;

/// Bytes of the nonce that distinguishes jobs with equal specs.
const NONCE_BYTES: usize = 16;

/// Signs `spec` and submits it.
///
/// # Errors
/// When the spec is invalid, or the server rejects it.
pub(super) fn submit(client: &ApiClient, key: &Keypair, spec: JobSpec) -> Result<JobId, Failure> {
    Ok(client.submit(&sign(spec, key)?)?)
}

/// Signs `spec` with a fresh nonce.
///
/// # Errors
/// When the spec is invalid.
pub(super) fn sign(spec: JobSpec, key: &Keypair) -> Result<SignedRequest, Failure> {
    spec.check().map_err(|error| Failure::usage(error.to_string()))?;
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce)
        .map_err(|error| Failure::new(Exit::Host, format!("the system has no random number source: {error}")))?;
    let request = Request { spec, nonce: Hex(&nonce).to_string() };
    let signed = SignedRequest::sign(request, key)?;
    signed.check()?;
    Ok(signed)
}

/// Shows progress of a job until it has ended, with the program's output if the flags ask for it, and returns its
/// record. If interrupted or at the end of its patience, reports that the job continues.
///
/// # Errors
/// When the server stops answering, or the job has not ended in time.
pub(super) fn follow(
    client: &ApiClient,
    id: &JobId,
    deal: Deal,
    ui: &Arc<Ui>,
    flags: &Submission,
) -> Result<Description, Failure> {
    let (short, server) = (id.short(), client.base());
    let note = format!(
        "job {id} continues at {server}: see it with `bacalhau describe {short} --api-host {server}`, cancel it with \
         `bacalhau cancel {short} --api-host {server}`"
    );
    interrupt::says(Some(note.clone()));
    let (patience, logs) = (flags.patience(), flags.follows());
    let followed = match patience {
        None => watch(client, &id.to_string(), deal, ui, logs),
        Some(patience) => watch_for(patience, client, *id, deal, ui, logs),
    };
    interrupt::says(None);
    followed.inspect_err(|_| ui.say(note))
}

/// Like [`watch`], for at most that time. The thread that watches ends with the process.
fn watch_for(
    patience: Duration,
    client: &ApiClient,
    id: JobId,
    deal: Deal,
    ui: &Arc<Ui>,
    logs: bool,
) -> Result<Description, Failure> {
    let (sender, ended) = mpsc::channel();
    let (client, ui) = (client.clone(), Arc::clone(ui));
    thread::spawn(move || {
        // After the timeout there is no receiver.
        let _ = sender.send(watch(&client, &id.to_string(), deal, &ui, logs));
    });
    ended.recv_timeout(patience).unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        Err(Failure::new(Exit::Host, format!("job {id} has not ended within {seconds} s (--wait-timeout-secs)")))
    })
}

fn watch(client: &ApiClient, id: &str, deal: Deal, ui: &Arc<Ui>, logs: bool) -> Result<Description, Failure> {
    let shards = client.job(id)?.record.shards.len();
    let mut phases = Phases::new(ui.clone(), deal, shards);
    if logs {
        let wanted: Vec<u32> = (0..).take(shards).collect();
        let followed = job::follow_logs(client, id, LogParams::default(), &wanted, |event| phases.hear(event))?;
        phases.done();
        // A missing log is reported and does not affect the job.
        followed.failed.iter().for_each(|failed| ui.say(failed.to_string()));
    } else {
        for event in client.follow_events(id, 0)? {
            phases.hear(&event?.event);
        }
        phases.done();
    }
    Ok(client.job(id)?)
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::usage(error.to_string())
    }
}
