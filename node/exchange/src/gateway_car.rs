//! Fetches a DAG from a gateway as an archive, verified block by block as it streams. A failing gateway ends the answer
//! early with a success status, and may send other blocks; so the DAG is tracked, and missing blocks are fetched
//! individually.

use std::io::Read;
use std::sync::{Arc, mpsc};

use super::frontier::{Frontier, Membership};
use super::gateway::{WORKERS, blame};
use super::{Answers, Gateway, Sink};
use bacalhau_cas::{Block, Cid, DataError, car::CarReader, unixfs::Scope};
use bacalhau_http::MinRateBody;

/// Maximum blocks requested individually at a time.
const BATCH: usize = 4 * WORKERS;

/// What to fetch as an archive.
#[derive(Clone, Copy, Debug)]
pub struct CarFetch {
    /// Where the DAG begins.
    pub root: Cid,
    /// How much of it is wanted.
    pub scope: Scope,
    /// Most bytes of blocks that are taken, all in all.
    pub max_bytes: u64,
}

/// Result of an archive fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarFetched {
    /// Blocks accepted from the archive.
    pub archived: u64,
    /// Blocks that were fetched one by one since the archive lacked them.
    pub single: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Why the archive was not enough.
    pub cut_short: Option<String>,
}

/// A fetch that is under way.
struct Fetch<'s, 'f> {
    what: CarFetch,
    frontier: Frontier,
    fetched: CarFetched,
    sink: &'s mut Sink<'f>,
}

impl Gateway {
    /// Fetches a DAG or a part of it, by archive as far as possible. Passes each block once to `sink`, parents before
    /// children.
    ///
    /// # Errors
    /// When a block is unavailable, exceeds a limit, or is rejected. Earlier blocks were passed to `sink` and are
    /// valid.
    pub fn fetch_car(&self, what: CarFetch, sink: &mut Sink<'_>) -> Result<CarFetched, DataError> {
        let frontier = Frontier::new(&what.root, what.scope)?;
        let mut fetch = Fetch { what, frontier, fetched: CarFetched::default(), sink };
        fetch.fetched.cut_short = self.read_archive(&mut fetch)?;
        self.fetch_rest(&mut fetch)?;
        Ok(fetch.fetched)
    }

    /// Reads the archive, and returns why it is incomplete.
    fn read_archive(&self, fetch: &mut Fetch<'_, '_>) -> Result<Option<String>, DataError> {
        if fetch.frontier.open().next().is_none() {
            return Ok(None);
        }
        let car = match self.open_archive(fetch.what) {
            Ok(car) => car,
            Err(why) => return Ok(Some(why)),
        };
        for block in car {
            let block = match block {
                Ok(block) => block,
                Err(error) => return Ok(Some(error.to_string())),
            };
            match fetch.frontier.take(&block)? {
                Membership::New => fetch.keep(block, |fetched| &mut fetched.archived)?,
                Membership::Again => {}
                Membership::Foreign => return Ok(Some(format!("it has the unrequested block {}", block.cid()))),
            }
            if fetch.frontier.open().next().is_none() {
                return Ok(None);
            }
        }
        let open = fetch.frontier.open().count();
        Ok(Some(format!("it ended with {open} known blocks missing, and the blocks below them")))
    }

    fn open_archive(&self, what: CarFetch) -> Result<CarReader<impl Read>, String> {
        let query = format!("format=car&dag-scope={}&car-version=1&car-order=dfs&car-dups=n", what.scope.name());
        let accept = "application/vnd.ipld.car; version=1; order=dfs; dups=n";
        let answer = self.side.streams.get(&self.side.url(&what.root, &query), &[("Accept", accept)]);
        let body = answer.map_err(|error| error.to_string())?.into_body();
        // Headers are small; repeated blocks are limited.
        let body = body.take(what.max_bytes.saturating_mul(2).saturating_add(1 << 20));
        let name = format!("the archive of {}", self.side.name());
        CarReader::new(name, MinRateBody::new(body, self.side.patience)).map_err(|error| error.to_string())
    }

    fn fetch_rest(&self, fetch: &mut Fetch<'_, '_>) -> Result<(), DataError> {
        loop {
            let batch: Vec<Cid> = fetch.frontier.open().take(BATCH).copied().collect();
            if batch.is_empty() {
                return Ok(());
            }
            let (sender, receiver) = mpsc::channel();
            let answers: Answers = Arc::new(move |cid, result| {
                // After a failure, the other results are not read.
                let _ = sender.send((cid, result));
            });
            self.workers.want(&batch, &answers);
            drop(answers);
            for (cid, result) in receiver {
                let block = result.and_then(|bytes| Block::new(cid, bytes));
                let kept = block.map_err(|error| blame(&self.side.name(), &cid, error)).and_then(|block| {
                    fetch.frontier.take(&block)?;
                    fetch.keep(block, |fetched| &mut fetched.single)
                });
                if let Err(error) = kept {
                    self.workers.cancel(&batch);
                    return Err(error);
                }
            }
        }
    }
}

impl Fetch<'_, '_> {
    fn keep(&mut self, block: Block, counter: impl Fn(&mut CarFetched) -> &mut u64) -> Result<(), DataError> {
        self.fetched.bytes += block.bytes().len() as u64;
        if self.fetched.bytes > self.what.max_bytes {
            let what = format!("the DAG of {}", self.what.root);
            return Err(DataError::out_of_bounds(what, format!("it has more than {} bytes", self.what.max_bytes)));
        }
        *counter(&mut self.fetched) += 1;
        (self.sink)(block)
    }
}

#[cfg(test)]
mod tests;
