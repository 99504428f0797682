//! Limits on specs of announced jobs being fetched, in total and for each requester: a requester can announce any
//! number of jobs without ever sending their specs.

use std::collections::BTreeMap;
use std::fmt;

use libp2p_identity::PeerId;

use bacalhau_job::{JobBrief, JobId};

/// Minimum size that a fetch counts, in bytes.
const LEAST_BYTES: u64 = 64 << 10;

/// Limits on bytes being fetched.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// Total of all requesters. Default 64 MiB.
    pub total_bytes: u64,
    /// Total of one requester. Default 4 MiB.
    pub requester_bytes: u64,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { total_bytes: 64 << 20, requester_bytes: 4 << 20 }
    }
}

/// A fetch would exceed a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FetchLimitExceeded {
    /// Bytes being fetched.
    bytes: u64,
    /// Of which requesters.
    whose: &'static str,
    /// The maximum in bytes.
    most: u64,
}

impl fmt::Display for FetchLimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, whose, most } = self;
        write!(f, "{bytes} bytes of specs {whose} are being fetched, and the maximum is {most}")
    }
}

impl std::error::Error for FetchLimitExceeded {}

/// Specs being fetched.
#[derive(Debug)]
pub(super) struct Fetches {
    limits: FetchLimits,
    bytes: u64,
    /// Keyed by requester too, because only the spec proves that the job id is its own.
    under_way: BTreeMap<(PeerId, JobId), u64>,
}

impl Fetches {
    /// Creates an empty set.
    pub(super) fn new(limits: FetchLimits) -> Self {
        Self { limits, bytes: 0, under_way: BTreeMap::new() }
    }

    /// Whether this spec is being fetched.
    pub(super) fn contains(&self, brief: &JobBrief) -> bool {
        self.under_way.contains_key(&key(brief))
    }

    /// Whether another fetch is within the limits.
    ///
    /// # Errors
    /// The exceeded limit.
    pub(super) fn allow(&self, brief: &JobBrief) -> Result<(), FetchLimitExceeded> {
        let requester = brief.requester.peer;
        let of_requester = self.under_way.iter().filter(|((peer, _), _)| *peer == requester).map(|(_, bytes)| bytes);
        let of_requester: u64 = of_requester.sum();
        let FetchLimits { total_bytes, requester_bytes } = self.limits;
        for (bytes, most, whose) in
            [(of_requester, requester_bytes, "of its requester"), (self.bytes, total_bytes, "of all requesters")]
        {
            if bytes.saturating_add(counted(brief)) > most {
                return Err(FetchLimitExceeded { bytes, whose, most });
            }
        }
        Ok(())
    }

    /// Adds a fetch, and returns whether it is new.
    pub(super) fn begin(&mut self, brief: &JobBrief) -> bool {
        let begins = self.under_way.insert(key(brief), counted(brief)).is_none();
        if begins {
            self.bytes = self.bytes.saturating_add(counted(brief));
        }
        begins
    }

    /// Removes an ended fetch.
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
