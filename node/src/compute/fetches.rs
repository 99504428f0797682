//! Specs of announced jobs that are being fetched. Their bytes are bounded, in all and for each requester: a requester can
//! announce any number of jobs, and need not send the specs.

use std::collections::BTreeMap;

use libp2p::PeerId;

use crate::job::{JobBrief, JobId};

/// What one fetch counts at least, in bytes.
const LEAST_BYTES: u64 = 64 << 10;

/// Bounds of bytes on their way.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// From all requesters. Default 64 MiB.
    pub total_bytes: u64,
    /// From one requester. Default 4 MiB.
    pub requester_bytes: u64,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { total_bytes: 64 << 20, requester_bytes: 4 << 20 }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Fetches {
    limits: FetchLimits,
    bytes: u64,
    /// By requester too: only the spec shows that the id of a job is its own.
    under_way: BTreeMap<(PeerId, JobId), u64>,
}

impl Fetches {
    /// None.
    pub(super) fn new(limits: FetchLimits) -> Self {
        Self { limits, bytes: 0, under_way: BTreeMap::new() }
    }

    /// Whether this one is under way.
    pub(super) fn contains(&self, brief: &JobBrief) -> bool {
        self.under_way.contains_key(&key(brief))
    }

    /// Whether another one keeps the bounds.
    ///
    /// # Errors
    /// Which bound it does not keep.
    pub(super) fn allow(&self, brief: &JobBrief) -> Result<(), String> {
        let requester = brief.requester.peer;
        let of_requester = self.under_way.iter().filter(|((peer, _), _)| *peer == requester).map(|(_, bytes)| bytes);
        let of_requester: u64 = of_requester.sum();
        let FetchLimits { total_bytes, requester_bytes } = self.limits;
        for (bytes, most, whose) in
            [(of_requester, requester_bytes, "of its requester"), (self.bytes, total_bytes, "of all requesters")]
        {
            if bytes.saturating_add(counted(brief)) > most {
                return Err(format!("{bytes} bytes of specs {whose} are being fetched, of {most} at most"));
            }
        }
        Ok(())
    }

    /// Notes that one is under way, and says whether it was not before.
    pub(super) fn begin(&mut self, brief: &JobBrief) -> bool {
        let begins = self.under_way.insert(key(brief), counted(brief)).is_none();
        if begins {
            self.bytes = self.bytes.saturating_add(counted(brief));
        }
        begins
    }

    /// Notes that one has ended.
    pub(super) fn end(&mut self, brief: &JobBrief) {
        if let Some(bytes) = self.under_way.remove(&key(brief)) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

fn key(brief: &JobBrief) -> (PeerId, JobId) {
    (brief.requester.peer, brief.id)
}

fn counted(brief: &JobBrief) -> u64 {
    brief.size.max(LEAST_BYTES)
}
