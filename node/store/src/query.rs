//! Pages of jobs, newest first. A page reads summary lines, never whole jobs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use libp2p_identity::PeerId;
use redb::ReadableTable;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::summary::JobSummary;
use super::tables::{SUMMARIES, decode};
use super::{JobStore, StoreError};
use bacalhau_job::{JobId, JobState};

/// Jobs of one page, at most.
pub const MAX_PAGE: usize = 1000;
/// Maximum lines read for a page. With more filtered lines the page is short, and has a cursor.
const MAX_READ: usize = 20_000;

/// Selection of jobs.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Filter by state.
    pub state: Option<JobState>,
    /// Filter by client.
    pub client: Option<PeerId>,
    /// Filter by label.
    pub label: Option<String>,
    /// Filter by a part of the job id.
    pub id: Option<String>,
    /// Start after this place. Default: from the newest job.
    pub after: Option<Cursor>,
    /// Page size, from 1 to [`MAX_PAGE`].
    pub limit: usize,
}

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page {
    /// The jobs, newest first.
    pub jobs: Vec<JobSummary>,
    /// Start of the next page; absent at the end. Pages before the end may be short or empty.
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// A place in the list: behind this job. Written `MILLISECONDS-JOB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor {
    created_ms: u64,
    job: JobId,
}

/// An invalid cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a place in a list of jobs: use the `next` of a page")]
pub struct CursorError(String);

impl Query {
    fn wants(&self, job: &JobSummary) -> bool {
        self.state.is_none_or(|state| job.state == state)
            && self.client.is_none_or(|client| job.client == Some(client))
            && self.label.as_ref().is_none_or(|label| job.labels.contains(label))
            && self.id.as_ref().is_none_or(|part| job.id.to_string().contains(part))
    }
}

impl JobStore {
    /// A page of the list of jobs.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn jobs(&self, query: &Query) -> Result<Page, StoreError> {
        let limit = query.limit.clamp(1, MAX_PAGE);
        self.read(|transaction| {
            let summaries = transaction.open_table(SUMMARIES)?;
            let end =
                query.after.map_or((u64::MAX, String::new()), |cursor| (cursor.created_ms, cursor.job.to_string()));
            let mut page = Page { jobs: Vec::new(), next: None };
            let mut last = None;
            for (read, line) in summaries.range(..(end.0, &*end.1))?.rev().enumerate() {
                if page.jobs.len() == limit || read == MAX_READ {
                    page.next = last;
                    break;
                }
                let job: JobSummary = decode("a line of the list", line?.1.value())?;
                last = Some(Cursor { created_ms: job.created_ms, job: job.id });
                if query.wants(&job) {
                    page.jobs.push(job);
                }
            }
            Ok(page)
        })
    }
}

impl JobStore {
    /// Every job and when it ended, if it has.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn ends(&self) -> Result<BTreeMap<JobId, Option<u64>>, StoreError> {
        self.read(|transaction| {
            let mut ends = BTreeMap::new();
            for line in transaction.open_table(SUMMARIES)?.iter()? {
                let job: JobSummary = decode("a line of the list", line?.1.value())?;
                ends.insert(job.id, job.ended_ms);
            }
            Ok(ends)
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.created_ms, self.job)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let parse = || {
            let (created_ms, job) = text.split_once('-')?;
            Some(Self { created_ms: created_ms.parse().ok()?, job: job.parse().ok()? })
        };
        parse().ok_or_else(|| CursorError(text.into()))
    }
}

impl TryFrom<String> for Cursor {
    type Error = CursorError;

    fn try_from(text: String) -> Result<Self, CursorError> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}
