//! What all requests share: the node, its store, and the bounds as they are used up.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use libp2p::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::backend::Backend;
use super::command::{Action, CommandError, SignedCommand};
use super::error::{ApiError, ErrorCode};
use super::limits::Limits;
use super::server::Access;
use crate::budget::{Buckets, Rate};
use crate::http::{Full, Shares, Taking, network};
use crate::job::{JobId, JobRecord};
use crate::metrics::Metrics;
use crate::store::JobStore;

/// Clients that are counted at a time; beyond that, who was not heard of for the longest begins anew.
const MAX_COUNTED: usize = 4096;

/// What a request that comes too slowly counts, and what is borne and forgotten of it.
const STRIKE: u64 = 10;
const STRIKES: Rate = Rate { per_second: 1, burst: 40 };

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
    pub(super) access: Access,
    /// By address, or network of IPv6.
    addresses: Buckets<IpAddr>,
    clients: Buckets<PeerId>,
    /// Of clients whose requests came too slowly.
    strikes: Buckets<IpAddr>,
    requests: Arc<Semaphore>,
    streams: Arc<Shares>,
    uploads: Arc<Shares>,
    /// KiB of bodies that are read at once.
    bodies: Arc<Shares>,
    /// Whether the server ends.
    pub(super) draining: watch::Receiver<bool>,
}

/// What clients have shares of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// A long answer.
    Stream,
    /// An archive that is taken.
    Upload,
    /// A KiB of a body that is read.
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

    /// Room to work on one more request, until it is dropped. Held only while nothing is awaited of the client.
    pub(super) fn work(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.requests).try_acquire_owned().map_err(|_| {
            self.metrics.refused("requests");
            ApiError::later(ErrorCode::Busy, "the node is working on as many requests as it can", Duration::ZERO)
        })
    }

    /// Room for `amount` of the client at `address`, until it is dropped.
    pub(super) fn take(&self, slot: Slot, address: IpAddr, amount: usize) -> Result<Taking, ApiError> {
        let shares = match slot {
            Slot::Stream => &self.streams,
            Slot::Upload => &self.uploads,
            Slot::Body => &self.bodies,
        };
        shares.take(address, amount).map_err(|full| self.full(slot, full))
    }

    /// What is said where there is no more room.
    pub(super) fn full(&self, slot: Slot, full: Full) -> ApiError {
        let (name, what) = match slot {
            Slot::Stream => ("streams", "archives and streams are read from the node"),
            Slot::Upload => ("uploads", "archives are sent to the node"),
            Slot::Body => ("bodies", "bytes of requests are on their way to the node"),
        };
        self.metrics.refused(name);
        match full {
            Full::All => ApiError::later(ErrorCode::Busy, format!("as many {what} as it can serve"), Duration::ZERO),
            Full::Share => {
                let message = format!("as many {what} by this address or its neighbours as it serves of one client");
                ApiError::later(ErrorCode::OverBudget, message, Duration::ZERO)
            }
        }
    }

    /// Notes that a request of `address` came too slowly. Users of this machine are not told apart, so none pays for others.
    pub(super) fn strike(&self, address: IpAddr) {
        self.metrics.refused("slow");
        if !address.to_canonical().is_loopback() {
            self.strikes.take(&network(address), STRIKE, Instant::now());
        }
    }

    /// Whether requests with bodies of `address` came too slowly too often.
    pub(super) fn check_strikes(&self, address: IpAddr) -> Result<(), ApiError> {
        let pause = self.strikes.take(&network(address), 0, Instant::now());
        if pause.is_zero() {
            return Ok(());
        }
        self.metrics.refused("strikes");
        Err(ApiError::later(ErrorCode::OverBudget, "requests of this address came too slowly too often", pause))
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
    // A token is no command.
    if text.starts_with("Bearer ") {
        return Ok(None);
    }
    let command = SignedCommand::from_header(text)?;
    Ok(Some(command.check(action, job, now_ms())?))
}

/// Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
