//! Stored bytes for each client: announced jobs, records and events, counted as they are written.

use std::collections::BTreeMap;

use libp2p_identity::PeerId;
use redb::{Error, ReadableTable, TableHandle as _, WriteTransaction};

use super::prune::forget;
use super::summary::JobSummary;
use super::tables::{CLIENTS, DRAWS, EVENTS, JOBS, SHARDS, SIZES, SUMMARIES, decode};
use super::{JobStore, StoreError};
use bacalhau_job::AnnouncedJob;

impl JobStore {
    /// Bytes of the stored jobs of `client`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn client_bytes(&self, client: &PeerId) -> Result<u64, StoreError> {
        self.read(|transaction| {
            let clients = transaction.open_table(CLIENTS)?;
            Ok(clients.get(&*client.to_string())?.map_or(0, |bytes| bytes.value()))
        })
    }

    /// Deletes jobs that ended before `before_ms`, oldest first, of clients with more than `most` bytes, until they are
    /// within it. Returns the number of deleted jobs.
    ///
    /// # Errors
    /// When the disk fails. Some may be deleted then.
    pub fn prune_clients(&self, most: u64, before_ms: u64) -> Result<usize, StoreError> {
        let doomed = self.read(|transaction| {
            let mut above: BTreeMap<String, u64> = BTreeMap::new();
            for client in transaction.open_table(CLIENTS)?.iter()? {
                let (client, bytes) = client?;
                if bytes.value() > most {
                    above.insert(client.value().into(), bytes.value() - most);
                }
            }
            let mut doomed = Vec::new();
            if above.is_empty() {
                return Ok(doomed);
            }
            let sizes = transaction.open_table(SIZES)?;
            // Oldest first, up to jobs that are too young to have ended before then.
            for line in transaction.open_table(SUMMARIES)?.range(..(before_ms, ""))? {
                let job: JobSummary = decode("a line of the list", line?.1.value())?;
                let is_old = job.ended_ms.is_some_and(|ended_ms| ended_ms < before_ms);
                let client = name(job.client);
                let Some(bytes) = above.get_mut(&client).filter(|_| is_old && job.state.is_final()) else { continue };
                let id = job.id.to_string();
                *bytes = bytes.saturating_sub(sizes.get(&*id)?.map_or(0, |size| size.value().1));
                doomed.push((job.created_ms, id));
                if *bytes == 0 {
                    above.remove(&client);
                }
                if above.is_empty() {
                    break;
                }
            }
            Ok(doomed)
        })?;
        forget(self, &doomed)?;
        Ok(doomed.len())
    }
}

/// Begins to count a job of `client`.
pub(super) fn begin(transaction: &WriteTransaction, job: &str, client: Option<PeerId>) -> Result<(), Error> {
    transaction.open_table(SIZES)?.insert(job, (&*name(client), 0))?;
    Ok(())
}

/// Counts `after` bytes of a job in place of `before`.
pub(super) fn count(transaction: &WriteTransaction, job: &str, before: u64, after: u64) -> Result<(), Error> {
    let mut sizes = transaction.open_table(SIZES)?;
    let found = sizes.get(job)?.map(|size| (size.value().0.to_owned(), size.value().1));
    let Some((client, size)) = found else { return Ok(()) };
    sizes.insert(job, (&*client, size.saturating_add(after).saturating_sub(before)))?;
    of_client(transaction, &client, before, after)
}

/// Counts a job no more.
pub(super) fn end(transaction: &WriteTransaction, job: &str) -> Result<(), Error> {
    let removed = transaction.open_table(SIZES)?.remove(job)?.map(|size| (size.value().0.to_owned(), size.value().1));
    match removed {
        Some((client, size)) => of_client(transaction, &client, size, 0),
        None => Ok(()),
    }
}

/// Counts all jobs of a file without counts.
pub(super) fn make(transaction: &WriteTransaction) -> Result<(), Error> {
    let is_counted = transaction.list_tables()?.any(|table| table.name() == SIZES.name());
    drop(transaction.open_table(SIZES)?);
    drop(transaction.open_table(CLIENTS)?);
    if is_counted {
        return Ok(());
    }
    for job in transaction.open_table(JOBS)?.iter()? {
        let (id, value) = job?;
        let job: AnnouncedJob = decode("a job", value.value())?;
        begin(transaction, id.value(), job.request.client())?;
        count(transaction, id.value(), 0, value.value().len() as u64)?;
    }
    for shard in transaction.open_table(SHARDS)?.iter()? {
        let (key, value) = shard?;
        count(transaction, key.value().0, 0, value.value().len() as u64)?;
    }
    for draw in transaction.open_table(DRAWS)?.iter()? {
        let (key, value) = draw?;
        count(transaction, key.value().0, 0, value.value().len() as u64)?;
    }
    for event in transaction.open_table(EVENTS)?.iter()? {
        let (key, value) = event?;
        count(transaction, key.value().0, 0, value.value().len() as u64)?;
    }
    Ok(())
}

fn of_client(transaction: &WriteTransaction, client: &str, before: u64, after: u64) -> Result<(), Error> {
    let mut clients = transaction.open_table(CLIENTS)?;
    let bytes = clients.get(client)?.map_or(0, |bytes| bytes.value());
    match bytes.saturating_add(after).saturating_sub(before) {
        0 => drop(clients.remove(client)?),
        bytes => drop(clients.insert(client, bytes)?),
    }
    Ok(())
}

fn name(client: Option<PeerId>) -> String {
    client.map_or_else(String::new, |client| client.to_string())
}
