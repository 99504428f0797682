//! Reading jobs, and the state to resume after a restart.

use redb::{Error, ReadTransaction, ReadableTable};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::summary::JobSummary;
use super::tables::{DRAWS, EVENTS, JOBS, LAST_MS, META, OUTBOX, PROVIDED, SHARDS, SUMMARIES, UNFINISHED, decode, id};
use super::{JobStore, StoreError};
use bacalhau_job::{AnnouncedJob, Event, FairRecord, JobId, JobRecord};

/// Names that an error lists.
const SOME: usize = 8;

/// An event of a job, and its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredEvent {
    /// Counted from 1 in the job.
    pub number: u64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

impl JobStore {
    /// The record of `job`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn job(&self, job: &JobId) -> Result<Option<JobRecord>, StoreError> {
        self.read(|transaction| record(transaction, &job.to_string()))
    }

    /// The job with the id or unique prefix `prefix`.
    ///
    /// # Errors
    /// When none or several match, or the disk fails.
    pub fn find(&self, prefix: &str) -> Result<JobId, StoreError> {
        let mut ids = self.read(|transaction| {
            let jobs = transaction.open_table(JOBS)?;
            let mut ids = Vec::new();
            for job in jobs.range(prefix..)?.take(SOME) {
                let (key, _) = job?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                ids.push(id(key.value())?);
            }
            Ok(ids)
        })?;
        match (ids.pop(), ids.is_empty()) {
            (Some(job), true) if !prefix.is_empty() => Ok(job),
            (Some(last), _) if !prefix.is_empty() => {
                ids.push(last);
                Err(StoreError::Ambiguous { prefix: prefix.into(), ids })
            }
            _ => Err(StoreError::NoSuchJob(prefix.into())),
        }
    }

    /// At most `limit` events of `job` after the one with the number `after`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn events(&self, job: &JobId, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let job = job.to_string();
        self.read(|transaction| {
            let events = transaction.open_table(EVENTS)?;
            let range = events.range((&*job, after.saturating_add(1))..=(&*job, u64::MAX))?;
            let event = |event: Result<_, redb::StorageError>| {
                let (key, value): (redb::AccessGuard<'_, (&str, u64)>, redb::AccessGuard<'_, &[u8]>) = event?;
                Ok(StoredEvent { number: key.value().1, event: decode("an event", value.value())? })
            };
            range.take(limit).map(event).collect()
        })
    }

    /// The last events of `job`, at most `limit`, in order.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn last_events(&self, job: &JobId, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let name = job.to_string();
        let last = self.read(|transaction| {
            let events = transaction.open_table(EVENTS)?;
            let last = events.range((&*name, 0)..=(&*name, u64::MAX))?.next_back().transpose()?;
            Ok(last.map_or(0, |(key, _)| key.value().1))
        })?;
        self.events(job, last.saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX)), limit)
    }

    /// Jobs that have not come to their end.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn unfinished(&self) -> Result<Vec<JobRecord>, StoreError> {
        self.read(|transaction| {
            let mut records = Vec::new();
            for job in transaction.open_table(UNFINISHED)?.iter()? {
                records.extend(record(transaction, job?.0.value())?);
            }
            Ok(records)
        })
    }

    /// Whether `job` is here and has not come to its end.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn is_unfinished(&self, job: &JobId) -> Result<bool, StoreError> {
        self.read(|transaction| Ok(transaction.open_table(UNFINISHED)?.get(&*job.to_string())?.is_some()))
    }

    /// Whether there is a job with this name.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn has(&self, job: &JobId) -> Result<bool, StoreError> {
        self.read(|transaction| Ok(transaction.open_table(JOBS)?.get(&*job.to_string())?.is_some()))
    }

    /// The provider records by job.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn provider_records(&self) -> Result<Vec<(JobId, Vec<u8>)>, StoreError> {
        self.read(|transaction| {
            let mut records = Vec::new();
            for job in transaction.open_table(PROVIDED)?.iter()? {
                let (key, value) = job?;
                records.push((id(key.value())?, value.value().to_vec()));
            }
            Ok(records)
        })
    }

    /// Messages that have to be sent until they are taken, by number.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn messages(&self) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        self.read(|transaction| {
            let outbox = transaction.open_table(OUTBOX)?;
            let message = |message: Result<_, redb::StorageError>| {
                let (number, bytes): (redb::AccessGuard<'_, u64>, redb::AccessGuard<'_, &[u8]>) = message?;
                Ok((number.value(), bytes.value().to_vec()))
            };
            outbox.iter()?.map(message).collect()
        })
    }

    /// The latest committed time in Unix milliseconds; 0 without one. A node whose clock was set back continues from
    /// it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn last_ms(&self) -> Result<u64, StoreError> {
        self.read(|transaction| Ok(transaction.open_table(META)?.get(LAST_MS)?.map_or(0, |last| last.value())))
    }
}

fn record(transaction: &ReadTransaction, id: &str) -> Result<Option<JobRecord>, Error> {
    let Some(job) = transaction.open_table(JOBS)?.get(id)? else { return Ok(None) };
    let job: AnnouncedJob = decode("a job", job.value())?;
    let summaries = transaction.open_table(SUMMARIES)?;
    let summary = summaries.get((job.created_ms, id))?;
    let summary = summary.ok_or_else(|| Error::Corrupted(format!("job {id} is in no list")))?;
    let summary: JobSummary = decode("a line of the list", summary.value())?;
    let mut shards = Vec::with_capacity(summary.shards);
    for shard in transaction.open_table(SHARDS)?.range((id, 0)..=(id, u32::MAX))? {
        shards.push(decode("a shard", shard?.1.value())?);
    }
    let draws = transaction.open_table(DRAWS)?;
    let mut fair: Option<FairRecord> = None;
    for part in draws.range((id, 0)..=(id, u32::MAX))? {
        let (key, value) = part?;
        match (key.value().1, &mut fair) {
            (0, _) => fair = Some(decode("the bidders of a job", value.value())?),
            (_, Some(fair)) => fair.rounds.push(decode("a draw", value.value())?),
            (_, None) => return Err(Error::Corrupted(format!("job {id} has draws without bidders"))),
        }
    }
    Ok(Some(JobRecord { job, state: summary.state, shards, fair, ended_ms: summary.ended_ms }))
}
