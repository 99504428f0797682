//! Many blocks of a gateway in one answer: an archive of a DAG, checked block by block as it streams. A gateway that
//! cannot go on ends such an answer early, with success all the same; and nobody says that it sends what it was asked
//! for. So the DAG is followed as it comes, and what lacks in the end is fetched block by block.

use std::io::Read;
use std::sync::{Arc, mpsc};

use super::frontier::{Frontier, Place};
use super::gateway::{WORKERS, blame};
use super::{Answers, Gateway, Sink};
use bacalhau_cas::car::CarReader;
use bacalhau_cas::unixfs::Scope;
use bacalhau_cas::{Block, Cid, DataError};
use bacalhau_http::Paced;

/// Blocks that are asked for one by one at a time.
const BATCH: usize = 4 * WORKERS;

/// What is fetched as an archive.
#[derive(Clone, Copy, Debug)]
pub struct CarFetch {
    /// Where the DAG begins.
    pub root: Cid,
    /// How much of it is wanted.
    pub scope: Scope,
    /// Most bytes of blocks that are taken, all in all.
    pub max_bytes: u64,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarFetched {
    /// Blocks that came in the archive and were taken.
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
    /// Fetches all of a DAG or a part of it, by an archive as far as one comes. Each block goes to `sink` once, those
    /// above before those below.
    ///
    /// # Errors
    /// When a block cannot be had at all, is too much, or is not taken. Those before went to `sink` and are right.
    pub fn fetch_car(&self, what: CarFetch, sink: &mut Sink<'_>) -> Result<CarFetched, DataError> {
        let frontier = Frontier::new(&what.root, what.scope)?;
        let mut fetch = Fetch { what, frontier, fetched: CarFetched::default(), sink };
        fetch.fetched.cut_short = self.read_archive(&mut fetch)?;
        self.fetch_rest(&mut fetch)?;
        Ok(fetch.fetched)
    }

    /// Takes what the archive has, and says why that is not all of it.
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
                Place::New => fetch.keep(block, |fetched| &mut fetched.archived)?,
                Place::Again => {}
                Place::Foreign => return Ok(Some(format!("it has block {}, which nobody asked for", block.cid()))),
            }
            if fetch.frontier.open().next().is_none() {
                return Ok(None);
            }
        }
        let open = fetch.frontier.open().count();
        Ok(Some(format!("it ended although {open} known blocks and what is below them are lacking")))
    }

    fn open_archive(&self, what: CarFetch) -> Result<CarReader<impl Read>, String> {
        let query = format!("format=car&dag-scope={}&car-version=1&car-order=dfs&car-dups=n", what.scope.name());
        let accept = "application/vnd.ipld.car; version=1; order=dfs; dups=n";
        let answer = self.side.streams.get(&self.side.url(&what.root, &query), &[("Accept", accept)]);
        let body = answer.map_err(|error| error.to_string())?.into_body();
        // What surrounds blocks is small; a gateway that repeats blocks is not read for ever.
        let body = body.take(what.max_bytes.saturating_mul(2).saturating_add(1 << 20));
        let name = format!("the archive of {}", self.side.name());
        CarReader::new(name, Paced::new(body, self.side.patience)).map_err(|error| error.to_string())
    }

    fn fetch_rest(&self, fetch: &mut Fetch<'_, '_>) -> Result<(), DataError> {
        loop {
            let batch: Vec<Cid> = fetch.frontier.open().take(BATCH).copied().collect();
            if batch.is_empty() {
                return Ok(());
            }
            let (sender, receiver) = mpsc::channel();
            let answers: Answers = Arc::new(move |cid, result| {
                // Nobody listens once one of them failed.
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
