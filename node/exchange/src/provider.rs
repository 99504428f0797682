//! The interface of block providers.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use bacalhau_cas::{Block, Cid, DataError};

/// Receives each answer: **verified** bytes, or an error. Called from any thread.
pub type Answers = Arc<dyn Fn(Cid, Result<Bytes, DataError>) + Send + Sync>;

/// Takes each block of a DAG. Its error ends the fetch.
pub type Sink<'a> = dyn FnMut(Block) -> Result<(), DataError> + 'a;

/// A provider of blocks: the peers of Bitswap, a gateway, a kubo.
pub trait BlockProvider: Send + Sync + fmt::Debug {
    /// For people and receipts: `bitswap`, `gateway https://host`, `kubo /ip4/127.0.0.1/tcp/5001`.
    fn name(&self) -> String;

    /// Requests blocks, most wanted first, and returns at once. Each CID is answered exactly once; the provider has its
    /// own timeouts.
    fn want(&self, cids: &[Cid], answers: &Answers);

    /// Whether a request can reach anybody at the moment, as far as is known.
    fn has_somebody(&self) -> bool {
        true
    }

    /// Fetches the DAG of `root` at once, if that is faster than single blocks. Blocks passed to `sink` are verified;
    /// the DAG may be incomplete.
    fn fetch_dag(&self, _root: &Cid, _sink: &mut Sink<'_>) {}

    /// Cancels requests. An answer may still arrive.
    fn cancel(&self, cids: &[Cid]);
}
