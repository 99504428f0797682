//! What all requests share: the node, its store, and the bounds as they are used up.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use libp2p::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::backend::Backend;
use super::command::{Action, CommandError, SignedCommand};
use super::error::{ApiError, ErrorCode};
use super::limits::Limits;
use crate::budget::Buckets;
use crate::job::{JobId, JobRecord};
use crate::metrics::Metrics;
use crate::store::JobStore;

/// Clients that are counted at a time; beyond that, who was not heard of for the longest begins anew.
const MAX_COUNTED: usize = 4096;

/// Shards of a job whose providers are asked for news when it is described.
const MOST_ASKED: usize = 16;

/// A handle to it.
#[derive(Clone)]
pub(super) struct App(Arc<Shared>);

/// What is shared.
pub(super) struct Shared {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) store: Arc<JobStore>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) limits: Limits,
    /// By address, or network of IPv6.
    addresses: Buckets<IpAddr>,
    clients: Buckets<PeerId>,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    /// Whether the server ends.
    pub(super) draining: watch::Receiver<bool>,
}

/// What is bounded in number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Request,
    Stream,
    Upload,
}

impl App {
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        store: Arc<JobStore>,
        metrics: Arc<Metrics>,
        limits: Limits,
        draining: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Shared {
            backend,
            store,
            metrics,
            limits,
            addresses: Buckets::new(limits.per_address, MAX_COUNTED),
            clients: Buckets::new(limits.jobs_per_client, MAX_COUNTED),
            requests: Arc::new(Semaphore::new(limits.requests)),
            streams: Arc::new(Semaphore::new(limits.streams)),
            uploads: Arc::new(Semaphore::new(limits.uploads)),
            draining,
        }))
    }

    /// Does what may wait, on a thread for that.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let shared = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.unwrap_or_else(|_| Err(ApiError::new(ErrorCode::HostFailure, "the node broke off in the middle of this")))
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Shared {
    /// Counts a request of `address`.
    pub(super) fn admit(&self, address: IpAddr) -> Result<(), ApiError> {
        let taken = self.addresses.try_take(&network(address), 1, Instant::now());
        taken.map_err(|pause| {
            self.metrics.refused("address");
            ApiError::later(ErrorCode::OverBudget, "too many requests from this address", pause)
        })
    }

    /// Counts a job of `client`, who has signed it.
    pub(super) fn admit_job(&self, client: &PeerId) -> Result<(), ApiError> {
        self.clients.try_take(client, 1, Instant::now()).map_err(|pause| {
            self.metrics.refused("client");
            ApiError::later(ErrorCode::OverBudget, "too many jobs of this client", pause)
        })
    }

    /// Room for one more, until it is dropped.
    pub(super) fn take(&self, slot: Slot) -> Result<OwnedSemaphorePermit, ApiError> {
        let (room, name, message) = match slot {
            Slot::Request => (&self.requests, "requests", "the node is working on as many requests as it can"),
            Slot::Stream => {
                (&self.streams, "streams", "as many archives and streams are read from the node as it can serve")
            }
            Slot::Upload => (&self.uploads, "uploads", "the node is taking as many archives as it can"),
        };
        Arc::clone(room).try_acquire_owned().map_err(|_| {
            self.metrics.refused(name);
            ApiError::later(ErrorCode::Busy, message, std::time::Duration::ZERO)
        })
    }

    /// The job that `text` names, in whole or by its beginning.
    pub(super) fn job(&self, text: &str) -> Result<JobRecord, ApiError> {
        let id = match text.parse() {
            Ok(id) => id,
            Err(_) => self.store.find(text)?,
        };
        let record = self.store.job(&id)?;
        record.ok_or_else(|| ApiError::not_found(format!("there is no job {id} here")).hint("see bacalhau list"))
    }

    /// Takes over what providers say now of publications that go on after the job has ended. Of who does not answer, what
    /// was known before is shown.
    pub(super) fn ask_for_news(&self, record: &mut JobRecord) {
        let (id, mut silent) = (record.job.id, BTreeSet::new());
        let publishing = (0..).zip(&mut record.shards).filter_map(|(index, shard)| {
            let number = usize::from(shard.published?).checked_sub(1)?;
            Some((index, shard.executions.get_mut(number)?))
        });
        let going_on = publishing.filter(|(_, execution)| execution.publications.iter().any(|it| !it.steps.is_empty()));
        for (index, execution) in going_on.take(MOST_ASKED) {
            if silent.contains(&execution.peer) {
                continue;
            }
            let Some(news) = self.backend.publications(id.execution(index, execution.number), execution.peer) else {
                silent.insert(execution.peer);
                continue;
            };
            for known in &mut execution.publications {
                if let Some(new) = news.iter().find(|new| new.publisher == known.publisher) {
                    known.clone_from(new);
                }
            }
        }
    }

    /// Whether the command in `headers` shows that what is private of `record` may be seen.
    pub(super) fn may_see(headers: &HeaderMap, record: &JobRecord) -> Result<bool, ApiError> {
        let reader = commander(headers, Action::Read, &record.job.id)?;
        let request = &record.job.request;
        Ok(!request.request.spec.private || (reader.is_some() && reader == request.client()))
    }

    /// As [`may_see`](Self::may_see), where there is nothing to be seen otherwise.
    pub(super) fn must_see(headers: &HeaderMap, record: &JobRecord) -> Result<(), ApiError> {
        if Shared::may_see(headers, record)? {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::NotOwner, "the job is private: only its client may see this")
            .hint("sign the request with the key that the job was submitted with"))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("store", &self.store).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Who gives the command in `headers`, if there is one.
pub(super) fn commander(headers: &HeaderMap, action: Action, job: &JobId) -> Result<Option<PeerId>, ApiError> {
    let Some(header) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let text = header.to_str().map_err(|_| CommandError::Malformed)?;
    let command = SignedCommand::from_header(text)?;
    Ok(Some(command.check(action, job, now_ms())?))
}

/// What counts as one client: an address, or the network of IPv6 that one customer gets.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [one, two, three, four, ..] = address.segments();
            IpAddr::from([one, two, three, four, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
