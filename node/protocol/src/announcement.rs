//! Announcements: a job with its spec, or its brief if it is large or private.

use serde::{Deserialize, Serialize};

use super::Versions;
use bacalhau_job::{Announced, AnnouncedJob, JobBrief};

/// A gossip message to all nodes. The signer must be the job's requester, otherwise nodes do not relay it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Announcement {
    /// The announced job.
    pub job: Announced,
    /// Versions of the requester.
    pub versions: Versions,
}

/// An announcement as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<AnnouncedJob>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brief: Option<JobBrief>,
    versions: Versions,
}

impl TryFrom<Fields> for Announcement {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let job = match (fields.job, fields.brief) {
            (Some(job), None) => job.into(),
            (None, Some(brief)) => Announced::Brief(brief.into()),
            _ => return Err("it has neither a job nor a brief, or both"),
        };
        Ok(Self { job, versions: fields.versions })
    }
}

impl From<Announcement> for Fields {
    fn from(announcement: Announcement) -> Self {
        let Announcement { job, versions } = announcement;
        match job {
            Announced::Full(job) => Self { job: Some(job.as_ref().clone()), brief: None, versions },
            Announced::Brief(brief) => Self { job: None, brief: Some(brief.as_ref().clone()), versions },
        }
    }
}
