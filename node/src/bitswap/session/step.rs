//! What comes of a call to the session: what is to be sent to whom, who is to be answered.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use libp2p::PeerId;

use super::super::message::{Kind, Want};
use crate::cas::{Cid, DataError};
use crate::exchange::Answers;

/// See the module.
#[derive(Debug)]
pub(in crate::bitswap) struct Step {
    pub(in crate::bitswap) now: Instant,
    /// Whether somebody may be connected soon.
    pub(in crate::bitswap) dialing: bool,
    /// At most one entry for each peer and block; the last one counts.
    pub(in crate::bitswap) wants: BTreeMap<PeerId, Vec<Want>>,
    pub(in crate::bitswap) answers: Vec<Answer>,
}

/// An answer to who waited.
pub(in crate::bitswap) struct Answer {
    pub(in crate::bitswap) answers: Answers,
    pub(in crate::bitswap) cid: Cid,
    pub(in crate::bitswap) result: Result<Bytes, DataError>,
}

impl Step {
    pub(in crate::bitswap) fn new(now: Instant, dialing: bool) -> Self {
        Self { now, dialing, wants: BTreeMap::new(), answers: Vec::new() }
    }

    pub(super) fn send(&mut self, id: PeerId, cid: Cid, kind: Kind) {
        let want = Want { cid, kind, dont_have: kind != Kind::Cancel };
        self.wants.entry(id).or_default().push(want);
    }
}

impl Answer {
    /// Hands it over. May take long.
    pub(in crate::bitswap) fn give(self) {
        (self.answers)(self.cid, self.result);
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("cid", &self.cid).field("result", &self.result).finish_non_exhaustive()
    }
}
