//! The state that all requests share: node, store and limits.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use libp2p_identity::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::backend::Backend;
use super::error::{ApiError, ErrorCode};
use super::limits::Limits;
use super::server::Access;
use bacalhau_http::{Full, Shares, Taking, network};
use bacalhau_job::{Action, CommandError, JobId, JobRecord, SignedCommand};
use bacalhau_metrics::Metrics;
use bacalhau_store::JobStore;
use bacalhau_values::budget::{Buckets, Rate};

/// Maximum clients counted at a time. Beyond it, the least recently seen client is reset.
const MAX_COUNTED: usize = 4096;

/// Weight of a request that arrives too slowly, in terms of the strike limit.
const STRIKE: u64 = 10;
const STRIKES: Rate = Rate { per_second: 1, burst: 40 };

/// Maximum shards whose providers are asked for news when a job is described.
const MOST_ASKED: usize = 16;

/// A handle to the shared state.
#[derive(Clone)]
pub(super) struct App(Arc<Shared>);

/// The shared state.
pub(super) struct Shared {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) store: Arc<JobStore>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) limits: Limits,
    pub(super) access: Access,
    /// Rate limits by IPv4 address or IPv6 network.
    addresses: Buckets<IpAddr>,
    clients: Buckets<PeerId>,
    /// Strikes of clients that send too slowly.
    strikes: Buckets<IpAddr>,
    requests: Arc<Semaphore>,
    streams: Arc<Shares>,
    uploads: Arc<Shares>,
    /// KiB of bodies being read.
    bodies: Arc<Shares>,
    /// Whether the server is stopping.
    pub(super) draining: watch::Receiver<bool>,
}

/// Shared resources with a limit for each client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// A long answer.
    Stream,
    /// An upload.
    Upload,
    /// A KiB of a body.
    Body,
}

impl App {
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        store: Arc<JobStore>,
        metrics: Arc<Metrics>,
        limits: Limits,
        access: Access,
        draining: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Shared {
            backend,
            store,
            metrics,
            limits,
            access,
            addresses: Buckets::new(limits.per_address, MAX_COUNTED),
            clients: Buckets::new(limits.jobs_per_client, MAX_COUNTED),
            requests: Arc::new(Semaphore::new(limits.requests)),
            strikes: Buckets::new(STRIKES, MAX_COUNTED),
            streams: Shares::new(limits.streams),
            uploads: Shares::new(limits.uploads),
            bodies: Shares::new(limits.bodies_kib),
            draining,
        }))
    }

    /// Runs blocking work on a blocking thread.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let shared = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.unwrap_or_else(|_| Err(ApiError::new(ErrorCode::HostFailure, "internal error: request handler panicked")))
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Shared {
    /// Counts a request by `address`.
    pub(super) fn admit(&self, address: IpAddr) -> Result<(), ApiError> {
        let taken = self.addresses.try_take(&network(address), 1, Instant::now());
        taken.map_err(|pause| {
            self.metrics.refused("address");
            ApiError::later(ErrorCode::OverBudget, "too many requests from this address", pause)
        })
    }

    /// Counts a job by its signer `client`.
    pub(super) fn admit_job(&self, client: &PeerId) -> Result<(), ApiError> {
        self.clients.try_take(client, 1, Instant::now()).map_err(|pause| {
            self.metrics.refused("client");
            ApiError::later(ErrorCode::OverBudget, "too many jobs of this client", pause)
        })
    }

    /// A permit to process a request. Held only while not waiting for the client.
    pub(super) fn work(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.requests).try_acquire_owned().map_err(|_| {
            self.metrics.refused("requests");
            ApiError::later(ErrorCode::Busy, "the node is processing the maximum number of requests", Duration::ZERO)
        })
    }

    /// Reserves `amount` for the client at `address` until dropped.
    pub(super) fn take(&self, slot: Slot, address: IpAddr, amount: usize) -> Result<Taking, ApiError> {
        let shares = match slot {
            Slot::Stream => &self.streams,
            Slot::Upload => &self.uploads,
            Slot::Body => &self.bodies,
        };
        shares.take(address, amount).map_err(|full| self.full(slot, full))
    }

    /// The error when the limit is reached.
    pub(super) fn full(&self, slot: Slot, full: Full) -> ApiError {
        let (name, what) = match slot {
            Slot::Stream => ("streams", "archives and streams to clients"),
            Slot::Upload => ("uploads", "uploads"),
            Slot::Body => ("bodies", "bytes of request bodies"),
        };
        self.metrics.refused(name);
        match full {
            Full::All => ApiError::later(
                ErrorCode::Busy,
                format!("the node has the maximum number of concurrent {what}"),
                Duration::ZERO,
            ),
            Full::Share => {
                let message = format!("this address or its network prefix has the maximum number of concurrent {what}");
                ApiError::later(ErrorCode::OverBudget, message, Duration::ZERO)
            }
        }
    }

    /// Records that a request of `address` arrived too slowly. Users of this machine share an address, so loopback is
    /// exempt.
    pub(super) fn strike(&self, address: IpAddr) {
        self.metrics.refused("slow");
        if !address.to_canonical().is_loopback() {
            self.strikes.take(&network(address), STRIKE, Instant::now());
        }
    }

    /// Whether requests with bodies from `address` arrived too slowly too often.
    pub(super) fn check_strikes(&self, address: IpAddr) -> Result<(), ApiError> {
        let pause = self.strikes.take(&network(address), 0, Instant::now());
        if pause.is_zero() {
            return Ok(());
        }
        self.metrics.refused("strikes");
        Err(ApiError::later(ErrorCode::OverBudget, "requests from this address arrived too slowly too often", pause))
    }

    /// The job with the id or unique prefix `text`.
    pub(super) fn job(&self, text: &str) -> Result<JobRecord, ApiError> {
        let id = match text.parse() {
            Ok(id) => id,
            Err(_) => self.store.find(text)?,
        };
        let record = self.store.job(&id)?;
        record.ok_or_else(|| ApiError::not_found(format!("unknown job {id}")).hint("see bacalhau list"))
    }

    /// Updates the state of asynchronous publications from their providers. If one does not answer, the last state is
    /// kept.
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

    /// Whether the command in `headers` allows access to private data of `record`.
    pub(super) fn may_see(headers: &HeaderMap, record: &JobRecord) -> Result<bool, ApiError> {
        let reader = commander(headers, Action::Read, &record.job.id)?;
        let request = &record.job.request;
        Ok(!request.request.spec.private || (reader.is_some() && reader == request.client()))
    }

    /// Like [`may_see`](Self::may_see), for data that is entirely private.
    pub(super) fn must_see(headers: &HeaderMap, record: &JobRecord) -> Result<(), ApiError> {
        if Shared::may_see(headers, record)? {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::NotOwner, "the job is private: only its client may read this")
            .hint("sign the request with the key that the job was submitted with"))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("store", &self.store).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The signer of the command in `headers`, if there is one.
pub(super) fn commander(headers: &HeaderMap, action: Action, job: &JobId) -> Result<Option<PeerId>, ApiError> {
    let Some(header) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let text = header.to_str().map_err(|_| CommandError::Malformed)?;
    // A token is not a command. One in a password only reads.
    if text.starts_with("Bearer ") || action == Action::Read && text.starts_with("Basic ") {
        return Ok(None);
    }
    let command = SignedCommand::from_header(text)?;
    Ok(Some(command.check(action, job, now_ms())?))
}

/// The current time in Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
