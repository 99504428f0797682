//! The tables and the encoding of values.

use redb::{Error, ReadTransaction, ReadableTable, TableDefinition, TableHandle as _, WriteTransaction};
use serde::de::DeserializeOwned;

use super::copy::table;
use super::quota;

/// The version of all tables and values.
pub(super) const SCHEMA: u64 = 1;
/// Where `meta` has it.
const SCHEMA_KEY: &str = "schema";
/// Where `meta` has the latest time that was recorded.
pub(super) const LAST_MS: &str = "last_ms";

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const JOBS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("jobs");
pub(super) const SHARDS: TableDefinition<'_, (&str, u32), &[u8]> = TableDefinition::new("shards");
/// Fair draws of jobs: bidders under 0, each draw under its number.
pub(super) const DRAWS: TableDefinition<'_, (&str, u32), &[u8]> = TableDefinition::new("draws");
pub(super) const SUMMARIES: TableDefinition<'_, (u64, &str), &[u8]> = TableDefinition::new("summaries");
pub(super) const UNFINISHED: TableDefinition<'_, &str, ()> = TableDefinition::new("unfinished");
pub(super) const EVENTS: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("events");
pub(super) const JUMPS: TableDefinition<'_, u64, u64> = TableDefinition::new("jumps");
pub(super) const SEEN: TableDefinition<'_, &str, u64> = TableDefinition::new("seen");
pub(super) const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");
pub(super) const SIZES: TableDefinition<'_, &str, (&str, u64)> = TableDefinition::new("sizes");
pub(super) const CLIENTS: TableDefinition<'_, &str, u64> = TableDefinition::new("clients");
pub(super) const PROVIDED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("provided");

/// Creates missing tables, and returns the version of the file. A file of another version is unchanged.
pub(super) fn make(transaction: &WriteTransaction) -> Result<u64, Error> {
    let mut meta = transaction.open_table(META)?;
    let found = meta.get(SCHEMA_KEY)?.map(|version| version.value());
    match found {
        Some(version) if version != SCHEMA => return Ok(version),
        Some(_) => {}
        None => drop(meta.insert(SCHEMA_KEY, SCHEMA)?),
    }
    transaction.open_table(JOBS)?;
    transaction.open_table(SHARDS)?;
    transaction.open_table(DRAWS)?;
    transaction.open_table(SUMMARIES)?;
    transaction.open_table(UNFINISHED)?;
    transaction.open_table(EVENTS)?;
    transaction.open_table(PROVIDED)?;
    transaction.open_table(OUTBOX)?;
    transaction.open_table(JUMPS)?;
    transaction.open_table(SEEN)?;
    quota::make(transaction)?;
    Ok(SCHEMA)
}

/// Copies all tables.
pub(super) fn copy(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Error> {
    table(from, to, META)?;
    table(from, to, JOBS)?;
    table(from, to, SHARDS)?;
    table(from, to, DRAWS)?;
    table(from, to, SUMMARIES)?;
    table(from, to, UNFINISHED)?;
    table(from, to, EVENTS)?;
    table(from, to, PROVIDED)?;
    table(from, to, OUTBOX)?;
    table(from, to, JUMPS)?;
    table(from, to, SEEN)?;
    table(from, to, SIZES)?;
    table(from, to, CLIENTS)?;
    let copied: Vec<String> = to.list_tables()?.map(|table| table.name().to_owned()).collect();
    match from.list_tables()?.find(|table| copied.iter().all(|name| name != table.name())) {
        Some(table) => Err(Error::Corrupted(format!("its table {} is not one of this version", table.name()))),
        None => Ok(()),
    }
}

/// Decodes a value; `what` names it in messages.
pub(super) fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_ipld_dagcbor::from_slice(bytes).map_err(|error| Error::Corrupted(format!("{what}: {error}")))
}

/// A job id from a key.
pub(super) fn id(text: &str) -> Result<bacalhau_job::JobId, Error> {
    text.parse().map_err(|error: bacalhau_job::IdError| Error::Corrupted(error.to_string()))
}
