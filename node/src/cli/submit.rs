//! A job on its way to a server, and the wait until it has ended.

use std::sync::Arc;

use libp2p::identity::Keypair;

use super::exit::{Exit, Failure};
use super::phases::Phases;
use super::talk::Talk;
use super::{interrupt, job};
use crate::api::{ApiClient, Description, LogParams};
use crate::hex::Hex;
use crate::job::{Deal, JobId, JobSpec, Request, RequestError, SignedRequest};

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

/// Shows what happens to a job until it has ended, with what its program says if `logs`, and what is known of it then. A
/// command that ends earlier says that the job goes on.
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
    let (short, server) = (id.short(), client.base());
    let note = format!(
        "job {id} goes on at {server}: see it with `bacalhau describe {short} --api-host {server}`, \
         end it with `bacalhau cancel {short} --api-host {server}`"
    );
    interrupt::says(Some(note.clone()));
    let followed = watch(client, &id.to_string(), deal, talk, logs);
    interrupt::says(None);
    followed.inspect_err(|_| talk.say(note))
}

fn watch(client: &ApiClient, id: &str, deal: Deal, talk: &Arc<Talk>, logs: bool) -> Result<Description, Failure> {
    let shards = client.job(id)?.record.shards.len();
    let mut phases = Phases::new(talk.clone(), deal, shards);
    if logs {
        let wanted: Vec<u32> = (0..).take(shards).collect();
        let followed = job::follow_logs(client, id, LogParams::default(), &wanted, |event| phases.hear(event))?;
        phases.done();
        // A log that cannot be had is said, and changes nothing about the job.
        followed.failed.iter().for_each(|failed| talk.say(failed.to_string()));
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
