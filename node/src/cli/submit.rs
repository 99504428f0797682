//! A job on its way to a server, and the wait until it has ended.

use std::sync::Arc;
use std::thread;

use libp2p::identity::Keypair;

use super::exit::{Exit, Failure};
use super::job;
use super::phases::Phases;
use super::talk::Talk;
use crate::api::{ApiClient, Description, LogParams};
use crate::hex::Hex;
use crate::job::{Deal, EventKind, JobId, JobSpec, Request, RequestError, SignedRequest};

/// Bytes that make a job another one than all with the same spec.
const NONCE_BYTES: usize = 16;

/// Signs `spec` and submits it.
///
/// # Errors
/// When it asks for what cannot be done, or the server does not take it.
pub(super) fn submit(client: &ApiClient, key: &Keypair, spec: JobSpec) -> Result<JobId, Failure> {
    Ok(client.submit(&sign(spec, key)?)?)
}

/// Signs `spec`, as a job that is another one than all with the same spec.
///
/// # Errors
/// When it asks for what cannot be done.
pub(super) fn sign(spec: JobSpec, key: &Keypair) -> Result<SignedRequest, Failure> {
    spec.check().map_err(|error| Failure::usage(error.to_string()))?;
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce)
        .map_err(|error| Failure { exit: Exit::Host, message: format!("the system has no randomness: {error}") })?;
    let request = Request { spec, nonce: Hex(&nonce).to_string() };
    let signed = SignedRequest::sign(request, key)?;
    signed.check()?;
    Ok(signed)
}

/// Shows what happens to a job until it has ended, with what its program says if `logs`, and what is known of it then.
///
/// # Errors
/// When the server cannot be asked any more.
pub(super) fn follow(
    client: &ApiClient,
    id: &JobId,
    deal: Deal,
    talk: &Arc<Talk>,
    logs: bool,
) -> Result<Description, Failure> {
    let name = id.to_string();
    let mut phases = Phases::new(talk.clone(), deal, client.job(&name)?.record.shards.len());
    thread::scope(|scope| {
        let mut log = None;
        for event in client.follow_events(&name, 0)? {
            let event = event?.event;
            phases.hear(&event);
            if logs && log.is_none() && event.kind == EventKind::Running {
                let params = LogParams { shard: event.shard.unwrap_or(0), follow: true, ..LogParams::default() };
                let name = &name;
                log = Some(scope.spawn(move || job::print_log(client, name, params)));
            }
        }
        phases.done();
        // A log that cannot be had is said, and changes nothing about the job.
        if let Some(Ok(Err(failure))) = log.map(thread::ScopedJoinHandle::join) {
            talk.say(format!("there is no log: {failure}"));
        }
        Ok::<(), Failure>(())
    })?;
    Ok(client.job(&name)?)
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::usage(error.to_string())
    }
}
