//! A batch of changes for one transaction.

use redb::{Error, ReadableTable, Table, WriteTransaction};

use super::quota;
use super::summary::JobSummary;
use super::tables::{DRAWS, EVENTS, JOBS, LAST_MS, META, OUTBOX, PROVIDED, SHARDS, SUMMARIES, UNFINISHED};
use bacalhau_job::{Event, FairRecord, JobId, JobRecord, to_dag_cbor};

/// Changes that belong together.
#[derive(Clone, Debug, Default)]
pub struct Batch<'a> {
    /// Current time in Unix milliseconds.
    pub now_ms: u64,
    /// Jobs as they are now.
    pub jobs: Vec<&'a JobRecord>,
    /// Events in order. Each gets the next number of its job.
    pub events: &'a [Event],
    /// Provider records by job; `None` deletes one.
    pub provider: Vec<(JobId, Option<Vec<u8>>)>,
    /// Messages that have to be sent until they are taken, by number; `None`: no longer.
    pub messages: Vec<(u64, Option<Vec<u8>>)>,
}

impl Batch<'_> {
    /// Writes all of it.
    pub(super) fn apply(&self, transaction: &WriteTransaction) -> Result<(), Error> {
        for record in &self.jobs {
            put_job(transaction, record)?;
        }
        self.put_events(transaction)?;
        let mut provided = transaction.open_table(PROVIDED)?;
        for (job, bytes) in &self.provider {
            let job = job.to_string();
            match bytes {
                Some(bytes) => drop(provided.insert(&*job, &**bytes)?),
                None => drop(provided.remove(&*job)?),
            }
        }
        let mut outbox = transaction.open_table(OUTBOX)?;
        for (number, bytes) in &self.messages {
            match bytes {
                Some(bytes) => drop(outbox.insert(number, &**bytes)?),
                None => drop(outbox.remove(number)?),
            }
        }
        let mut meta = transaction.open_table(META)?;
        let before = meta.get(LAST_MS)?.map_or(0, |last| last.value());
        let last = self.events.iter().map(|event| event.at_ms).fold(self.now_ms.max(before), u64::max);
        meta.insert(LAST_MS, last)?;
        Ok(())
    }

    fn put_events(&self, transaction: &WriteTransaction) -> Result<(), Error> {
        let mut events = transaction.open_table(EVENTS)?;
        for event in self.events {
            let job = event.job.to_string();
            let number = last_event(&events, &job)? + 1;
            let bytes = to_dag_cbor(event);
            events.insert((&*job, number), &*bytes)?;
            quota::count(transaction, &job, 0, bytes.len() as u64)?;
        }
        Ok(())
    }
}

fn last_event(events: &Table<'_, (&str, u64), &[u8]>, job: &str) -> Result<u64, Error> {
    let last = events.range((job, 0)..=(job, u64::MAX))?.next_back().transpose()?;
    Ok(last.map_or(0, |(key, _)| key.value().1))
}

/// Old and new size of rewritten values in bytes.
#[derive(Default)]
struct Change {
    before: u64,
    after: u64,
}

/// Writes a part of a job, unless it is there as it is.
fn put(
    table: &mut Table<'_, (&str, u32), &[u8]>,
    key: (&str, u32),
    bytes: &[u8],
    change: &mut Change,
) -> Result<(), Error> {
    let there = table.get(key)?.map(|there| (there.value() == bytes, there.value().len() as u64));
    if !matches!(there, Some((true, _))) {
        change.before += there.map_or(0, |(_, length)| length);
        change.after += bytes.len() as u64;
        table.insert(key, bytes)?;
    }
    Ok(())
}

fn put_job(transaction: &WriteTransaction, record: &JobRecord) -> Result<(), Error> {
    let id = record.job.id.to_string();
    let mut jobs = transaction.open_table(JOBS)?;
    let mut change = Change::default();
    if jobs.get(&*id)?.is_none() {
        let bytes = record.job.to_dag_cbor();
        jobs.insert(&*id, &*bytes)?;
        quota::begin(transaction, &id, record.job.request.client())?;
        change.after += bytes.len() as u64;
    }
    let mut shards = transaction.open_table(SHARDS)?;
    for (shard, record) in (0..).zip(&record.shards) {
        put(&mut shards, (&id, shard), &to_dag_cbor(record), &mut change)?;
    }
    if let Some(fair) = &record.fair {
        let mut draws = transaction.open_table(DRAWS)?;
        let head = FairRecord { bidders: fair.bidders.clone(), rounds: Vec::new(), chain: fair.chain.clone() };
        put(&mut draws, (&id, 0), &to_dag_cbor(&head), &mut change)?;
        for (number, round) in (1..).zip(&fair.rounds) {
            put(&mut draws, (&id, number), &to_dag_cbor(round), &mut change)?;
        }
    }
    quota::count(transaction, &id, change.before, change.after)?;
    let mut summaries = transaction.open_table(SUMMARIES)?;
    summaries.insert((record.job.created_ms, &*id), &*to_dag_cbor(&JobSummary::of(record)))?;
    let mut unfinished = transaction.open_table(UNFINISHED)?;
    if record.state.is_final() {
        unfinished.remove(&*id)?;
    } else {
        unfinished.insert(&*id, ())?;
    }
    Ok(())
}
