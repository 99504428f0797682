//! What of an announcement can be judged without knowing anything else: every node does it before it hands one on.

use libp2p::{Multiaddr, PeerId};

use super::{Announcement, PROTOCOL_VERSION};
use crate::job::{JobId, MAX_SHARDS, RequestError};

/// Addresses of a requester at most.
const MAX_ADDRS: usize = 16;
/// Bytes of one of them at most.
const MAX_ADDR_BYTES: usize = 512;
/// Profiles at most.
const MAX_PROFILES: usize = 64;
/// Bytes of the name of a version at most.
const MAX_SEMVER_BYTES: usize = 64;
/// Bids are taken for an hour at most.
const MAX_BIDDING_MS: u64 = 3_600_000;

/// Why an announcement is not handed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementError {
    /// It is of another protocol: nobody's fault, and nothing to this node.
    #[error("it speaks protocol {0}, and this node {PROTOCOL_VERSION}")]
    Protocol(u32),
    /// Somebody announces a job that somebody else answers for.
    #[error("it was not announced by {0}, who answers for the job")]
    Requester(PeerId),
    /// The name of the job is not its.
    #[error("the job's id is not the hash of its request")]
    Id,
    /// No client asked for this, or for nothing that can be done.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There is too much of something, or none at all.
    #[error("it has {0} {1}")]
    Bounds(u64, &'static str),
    /// An address is none.
    #[error("{0:?} is no multiaddr")]
    Addr(String),
}

impl AnnouncementError {
    /// Whether honest nodes say such things too.
    pub fn is_innocent(&self) -> bool {
        matches!(self, Self::Protocol(_))
    }
}

impl Announcement {
    /// Whether `by` may announce this, and it makes sense.
    ///
    /// # Errors
    /// What is wrong with it, cheap questions first.
    pub fn check(&self, by: &PeerId) -> Result<(), AnnouncementError> {
        let job = &self.job;
        if job.requester.peer != *by {
            return Err(AnnouncementError::Requester(job.requester.peer));
        }
        if self.versions.protocol != PROTOCOL_VERSION {
            return Err(AnnouncementError::Protocol(self.versions.protocol));
        }
        bounded(self.versions.semver.len(), 0, MAX_SEMVER_BYTES, "bytes of a version")?;
        bounded(self.versions.profiles.len(), 0, MAX_PROFILES, "profiles")?;
        bounded(job.requester.addrs.len(), 0, MAX_ADDRS, "addresses")?;
        bounded(job.shards.len(), 1, MAX_SHARDS, "shards")?;
        if job.bidding_ms > MAX_BIDDING_MS {
            return Err(AnnouncementError::Bounds(job.bidding_ms, "milliseconds of bidding"));
        }
        for addr in &job.requester.addrs {
            if addr.len() > MAX_ADDR_BYTES || addr.parse::<Multiaddr>().is_err() {
                return Err(AnnouncementError::Addr(addr.chars().take(MAX_ADDR_BYTES).collect()));
            }
        }
        if job.id != JobId::of(&job.request, by) {
            return Err(AnnouncementError::Id);
        }
        job.request.check()?;
        Ok(())
    }
}

fn bounded(count: usize, least: usize, most: usize, what: &'static str) -> Result<(), AnnouncementError> {
    if (least..=most).contains(&count) { Ok(()) } else { Err(AnnouncementError::Bounds(count as u64, what)) }
}
