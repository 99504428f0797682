//! What somebody who may have blocks has to offer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use bacalhau_cas::{Block, Cid, DataError};

/// Takes each answer: the bytes, **checked against the CID**, or why there are none. Called from any thread.
pub type Answers = Arc<dyn Fn(Cid, Result<Bytes, DataError>) + Send + Sync>;

/// Takes each block of a DAG. Its error ends the fetch.
pub type Sink<'a> = dyn FnMut(Block) -> Result<(), DataError> + 'a;

/// Somebody who may have blocks: the peers of Bitswap, a gateway, a kubo.
pub trait Provider: Send + Sync + fmt::Debug {
    /// For people and receipts: `bitswap`, `gateway https://host`, `kubo /ip4/127.0.0.1/tcp/5001`.
    fn name(&self) -> String;

    /// Asks for blocks, most wanted first, and returns at once. Each CID is answered exactly once, sooner or later: the
    /// provider has time-outs of its own.
    fn want(&self, cids: &[Cid], answers: &Answers);

    /// Fetches all that is below `root` in one go, where there is a way that is faster than asking for blocks. What goes
    /// to `sink` is checked; it may be less than all.
    fn fetch_dag(&self, _root: &Cid, _sink: &mut Sink<'_>) {}

    /// Nobody waits for these any longer. An answer may still come, or not.
    fn cancel(&self, cids: &[Cid]);
}
