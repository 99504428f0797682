//! Fetched specs, and their validation against the announcement.

use bacalhau_tree::Link;

use super::check::check_job;
use super::{AnnouncementError, Wire, WireError};
use bacalhau_job::{AnnouncedJob, JobBrief};

/// Why fetched bytes are not the spec of a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecBytesError {
    /// They were not decoded.
    #[error("it has {bytes} bytes, and {announced} were announced")]
    Size {
        /// Size in bytes.
        bytes: usize,
        /// Announced size in bytes.
        announced: u64,
    },
    /// They were not decoded: the CID of the bytes, and the one that was announced.
    #[error("it hashes to {}, and {} was announced", .0[0], .0[1])]
    Hash(Box<[Link; 2]>),
    /// Not a valid encoding.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The job is not one that may be announced.
    #[error(transparent)]
    Check(#[from] AnnouncementError),
    /// The job is another one than was announced in brief.
    #[error("its spec does not match its announcement")]
    Brief,
}

/// The job that was announced in `brief`, from the bytes of its spec.
///
/// # Errors
/// When they are not its spec. Size and hash are compared before anything is decoded.
pub fn read_spec(brief: &JobBrief, bytes: &[u8]) -> Result<AnnouncedJob, SpecBytesError> {
    if bytes.len() as u64 != brief.size {
        return Err(SpecBytesError::Size { bytes: bytes.len(), announced: brief.size });
    }
    let found = Link::of_dag_cbor(bytes);
    if found != brief.spec {
        return Err(SpecBytesError::Hash(Box::new([found, brief.spec])));
    }
    let job = AnnouncedJob::decode(bytes)?;
    if JobBrief::of(&job, bytes) != *brief {
        return Err(SpecBytesError::Brief);
    }
    check_job(&job)?;
    Ok(job)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_testkit::jobs::{job, key};

    #[test]
    fn a_spec_is_the_one_that_was_announced_by_size_hash_and_content() {
        let good = job(key(1).public().to_peer_id(), "spec");
        let bytes = good.to_dag_cbor();
        let brief = JobBrief::of(&good, &bytes);
        assert_eq!(read_spec(&brief, &bytes), Ok(good.clone()));
        assert!(matches!(read_spec(&brief, &bytes[1..]), Err(SpecBytesError::Size { .. })));
        let mut other = bytes.clone();
        other[30] ^= 1;
        let error = read_spec(&brief, &other).unwrap_err();
        assert!(matches!(error, SpecBytesError::Hash(_)) && error.to_string().contains("was announced"), "{error}");
        let larger = JobBrief { deal: brief.deal.with_min_bids(9), ..brief.clone() };
        assert_eq!(read_spec(&larger, &bytes), Err(SpecBytesError::Brief));
        let mut forged = good;
        forged.request.request.nonce = "another".into();
        forged.id = bacalhau_job::JobId::of(&forged.request, &forged.requester.peer);
        let bytes = forged.to_dag_cbor();
        let error = read_spec(&JobBrief::of(&forged, &bytes), &bytes).unwrap_err();
        assert!(error.to_string().contains("not signed by its client_key"), "{error}");
    }
}
