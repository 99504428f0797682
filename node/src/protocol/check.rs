//! What of an announcement can be judged without knowing anything else: every node does it before it hands one on.

use libp2p::{Multiaddr, PeerId};

use super::{Announcement, MAX_SPEC_BYTES, PROTOCOL_VERSION};
use crate::job::{Announced, AnnouncedJob, FairTerms, JobBrief, JobId, MAX_SHARDS, RequestError, Requester};

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
    /// Nodes of earlier versions announce private jobs with their specs.
    #[error("it is a private job with its spec: nodes of this version announce these without")]
    Private,
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
        matches!(self, Self::Protocol(_) | Self::Private)
    }
}

impl Announcement {
    /// Whether `by` may announce this, and it makes sense. Of a brief, the spec is checked when it is fetched.
    ///
    /// # Errors
    /// What is wrong with it, cheap questions first.
    pub fn check(&self, by: &PeerId) -> Result<(), AnnouncementError> {
        let requester = self.job.requester().peer;
        if requester != *by {
            return Err(AnnouncementError::Requester(requester));
        }
        if self.versions.protocol != PROTOCOL_VERSION {
            return Err(AnnouncementError::Protocol(self.versions.protocol));
        }
        bounded(self.versions.semver.len(), 0, MAX_SEMVER_BYTES, "bytes of a version")?;
        bounded(self.versions.profiles.len(), 0, MAX_PROFILES, "profiles")?;
        match &self.job {
            Announced::Full(job) if job.request.request.spec.private => Err(AnnouncementError::Private),
            Announced::Full(job) => job.check(),
            Announced::Brief(brief) => brief.check(),
        }
    }
}

impl AnnouncedJob {
    /// Whether its requester may announce it, and it makes sense.
    ///
    /// # Errors
    /// What is wrong with it, cheap questions first.
    pub fn check(&self) -> Result<(), AnnouncementError> {
        check_times_and_addrs(&self.requester, self.shards.len(), self.bidding_ms, self.fair.as_ref())?;
        if self.id != JobId::of(&self.request, &self.requester.peer) {
            return Err(AnnouncementError::Id);
        }
        self.request.check()?;
        Ok(())
    }
}

impl JobBrief {
    /// Whether it can be a job's.
    fn check(&self) -> Result<(), AnnouncementError> {
        check_times_and_addrs(&self.requester, self.shards as usize, self.bidding_ms, self.fair.as_ref())?;
        bounded(usize::try_from(self.size).unwrap_or(usize::MAX), 1, MAX_SPEC_BYTES, "bytes of its spec")?;
        match &self.private {
            Some(request) if self.id != JobId::of_private(request, &self.requester.peer) => Err(AnnouncementError::Id),
            _ => Ok(()),
        }
    }
}

fn check_times_and_addrs(
    requester: &Requester,
    shards: usize,
    bidding_ms: u64,
    fair: Option<&FairTerms>,
) -> Result<(), AnnouncementError> {
    bounded(requester.addrs.len(), 0, MAX_ADDRS, "addresses")?;
    bounded(shards, 1, MAX_SHARDS, "shards")?;
    if bidding_ms > MAX_BIDDING_MS {
        return Err(AnnouncementError::Bounds(bidding_ms, "milliseconds of bidding"));
    }
    if let Some(fair) = fair
        && !(1..=MAX_BIDDING_MS).contains(&fair.window_ms)
    {
        return Err(AnnouncementError::Bounds(fair.window_ms, "milliseconds until the draw"));
    }
    for addr in &requester.addrs {
        if addr.len() > MAX_ADDR_BYTES || addr.parse::<Multiaddr>().is_err() {
            return Err(AnnouncementError::Addr(addr.chars().take(MAX_ADDR_BYTES).collect()));
        }
    }
    Ok(())
}

fn bounded(count: usize, least: usize, most: usize, what: &'static str) -> Result<(), AnnouncementError> {
    if (least..=most).contains(&count) { Ok(()) } else { Err(AnnouncementError::Bounds(count as u64, what)) }
}
