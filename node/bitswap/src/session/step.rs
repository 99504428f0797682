//! Result of a call to the session: messages to send and callers to answer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use libp2p::PeerId;

use super::super::message::{Kind, Want};
use bacalhau_cas::{Cid, DataError};
use bacalhau_exchange::Answers;

/// The result of a call.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) now: Instant,
    /// Whether a connection may be established soon.
    pub(crate) dialing: bool,
    /// At most one entry for each peer and block; the last one counts.
    pub(crate) wants: BTreeMap<PeerId, Vec<Want>>,
    pub(crate) answers: Vec<Answer>,
}

/// An answer to a caller.
pub(crate) struct Answer {
    pub(crate) answers: Answers,
    pub(crate) cid: Cid,
    pub(crate) result: Result<Bytes, DataError>,
}

impl Step {
    pub(crate) fn new(now: Instant, dialing: bool) -> Self {
        Self { now, dialing, wants: BTreeMap::new(), answers: Vec::new() }
    }

    pub(super) fn send(&mut self, id: PeerId, cid: Cid, kind: Kind) {
        let want = Want { cid, kind, dont_have: kind != Kind::Cancel };
        self.wants.entry(id).or_default().push(want);
    }
}

impl Answer {
    /// Hands it over. May take long.
    pub(crate) fn give(self) {
        (self.answers)(self.cid, self.result);
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("cid", &self.cid).field("result", &self.result).finish_non_exhaustive()
    }
}
