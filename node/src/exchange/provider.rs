//! What somebody who may have blocks has to offer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;

use crate::cas::DataError;

/// Takes each answer: the bytes, **checked against the CID**, or why there are none. Called from any thread.
pub type Answers = Arc<dyn Fn(Cid, Result<Bytes, DataError>) + Send + Sync>;

/// Somebody who may have blocks: the peers of Bitswap, a gateway, a kubo.
pub trait Provider: Send + Sync + fmt::Debug {
    /// For people and receipts: `bitswap`, `gateway https://host`, `kubo /ip4/127.0.0.1/tcp/5001`.
    fn name(&self) -> String;

    /// Asks for blocks, most wanted first, and returns at once. Each CID is answered exactly once, sooner or later: the
    /// provider has time-outs of its own.
    fn want(&self, cids: &[Cid], answers: &Answers);

    /// Nobody waits for these any longer. An answer may still come, or not.
    fn cancel(&self, cids: &[Cid]);
}
