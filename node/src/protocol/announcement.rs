//! What a requester tells everybody: a job with its spec, or in brief where that is large or private.

use serde::{Deserialize, Serialize};

use super::Versions;
use crate::job::{Announced, AnnouncedJob, JobBrief};

/// To everybody, by gossip. The signer is the job's requester, or nobody relays it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Announcement {
    /// The job.
    pub job: Announced,
    /// What the requester speaks.
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
