//! Stateless validation of announcements, before they are relayed.

use libp2p_identity::PeerId;
use multiaddr::Multiaddr;

use super::{Announcement, MAX_SPEC_BYTES, PROTOCOL_VERSION};
use bacalhau_job::{Announced, AnnouncedJob, FairTerms, JobBrief, JobId, MAX_SHARDS, RequestError, Requester};

/// Addresses of a requester at most.
const MAX_ADDRS: usize = 16;
/// Bytes of one of them at most.
const MAX_ADDR_BYTES: usize = 512;
/// Maximum number of profiles.
const MAX_PROFILES: usize = 64;
/// Bytes of the name of a version at most.
const MAX_SEMVER_BYTES: usize = 64;
/// Bids are taken for an hour at most.
const MAX_BIDDING_MS: u64 = 3_600_000;

/// Why an announcement is not relayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementError {
    /// Another protocol version; not a fault.
    #[error("its protocol version is {0}, and that of this node is {PROTOCOL_VERSION}")]
    Protocol(u32),
    /// Nodes of earlier versions announce private jobs with their specs.
    #[error("it is a private job with its spec: nodes of this version announce these without")]
    Private,
    /// The announcing node is not the job's requester.
    #[error("it was not announced by {0}, the requester of the job")]
    Requester(PeerId),
    /// The name of the job is not its.
    #[error("the job's id is not the hash of its request")]
    Id,
    /// The request is not signed or invalid.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There is too much of something, or none at all.
    #[error("it has {0} {1}")]
    Bounds(u64, &'static str),
    /// An address is invalid.
    #[error("{0:?} is not a multiaddr")]
    Addr(String),
}

impl AnnouncementError {
    /// Whether honest nodes may send it.
    pub fn is_innocent(&self) -> bool {
        matches!(self, Self::Protocol(_) | Self::Private)
    }
}

impl Announcement {
    /// Validates an announcement by `by`. The spec of a brief is validated when it is fetched.
    ///
    /// # Errors
    /// The first failed check; cheap checks come first.
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
            Announced::Full(job) => check_job(job),
            Announced::Brief(brief) => check_brief(brief),
        }
    }
}

/// Validates a job with its spec.
///
/// # Errors
/// The first failed check; cheap checks come first.
pub(super) fn check_job(job: &AnnouncedJob) -> Result<(), AnnouncementError> {
    check_times_and_addrs(&job.requester, job.shards.len(), job.bidding_ms, job.fair.as_ref())?;
    if job.id != JobId::of(&job.request, &job.requester.peer) {
        return Err(AnnouncementError::Id);
    }
    job.request.check()?;
    Ok(())
}

/// Whether `brief` can be a job's.
fn check_brief(brief: &JobBrief) -> Result<(), AnnouncementError> {
    check_times_and_addrs(&brief.requester, brief.shards as usize, brief.bidding_ms, brief.fair.as_ref())?;
    bounded(usize::try_from(brief.size).unwrap_or(usize::MAX), 1, MAX_SPEC_BYTES, "bytes of its spec")?;
    match &brief.private {
        Some(request) if brief.id != JobId::of_private(request, &brief.requester.peer) => Err(AnnouncementError::Id),
        _ => Ok(()),
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
