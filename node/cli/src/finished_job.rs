//! A job that has ended: its record, and where the results of its executions are. `FinishedJob` decides whether there is
//! anything to report; `report` formats it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bacalhau_runtime::{HostFailure, Outcome};

use super::exit::{Exit, Failure};
use bacalhau_job::{ExecutionRecord, ExecutionState, FailureKind, JobRecord, JobState, ShardRecord, ShardState};

/// A job that has ended.
#[derive(Debug)]
pub(super) struct FinishedJob {
    /// The record of the job.
    pub(super) record: JobRecord,
    /// For each shard, results directories by the number of their execution.
    pub(super) results: Vec<BTreeMap<u16, PathBuf>>,
}

impl FinishedJob {
    /// The ended job `record` with `results`. Fails when no shard has a vote.
    ///
    /// # Errors
    /// The rejection by every provider, or the reason why there is no result.
    pub(super) fn of(record: JobRecord, results: Vec<BTreeMap<u16, PathBuf>>) -> Result<Self, Failure> {
        match record.shards.iter().find(|shard| !has_vote(shard)) {
            Some(shard) if !record.shards.iter().any(has_vote) => Err(failure(&record, shard)),
            _ => Ok(Self { record, results }),
        }
    }

    /// The exit code for the ended job `record`, equal for every command that waits for it.
    pub(super) fn exit_of(record: &JobRecord) -> Exit {
        let standing = |shard: &ShardRecord| shard.execution(shard.published?)?.outcome;
        match record.state {
            JobState::Failed | JobState::CompletedPartially | JobState::Cancelled => {
                Self::of(record.clone(), Vec::new()).map_or_else(|failure| failure.exit, |_| Exit::NoVerdict)
            }
            _ if record.shards.iter().filter_map(standing).all(Outcome::is_success) => Exit::Success,
            _ => Exit::Program,
        }
    }

    /// Duration of the longest run, by the receipts.
    pub(super) fn longest_run(&self) -> Duration {
        let executions = self.record.shards.iter().flat_map(|shard| &shard.executions);
        let receipts = executions.filter_map(|execution| execution.receipt.as_ref());
        Duration::from_millis(receipts.filter_map(|receipt| receipt.unclaimed.wall_ms).max().unwrap_or(0))
    }
}

/// Whether an execution has a result, so that there is a vote to report.
fn has_vote(shard: &ShardRecord) -> bool {
    let proposed = |execution: &ExecutionRecord| execution.h1.is_some();
    let lost_on_the_way = shard.state == ShardState::Failed
        && shard.verdict.as_ref().is_some_and(|verdict| verdict.chosen().is_some())
        && shard.published.is_none();
    shard.executions.iter().any(proposed) && shard.verdict.is_some() && !lost_on_the_way
}

/// Why a shard has no result. A rejection by every provider is reported once.
fn failure(record: &JobRecord, shard: &ShardRecord) -> Failure {
    let failed = || shard.executions.iter().filter(|execution| execution.state == ExecutionState::Failed);
    let first = failed().find_map(|execution| execution.why.clone());
    let refused = |execution: &ExecutionRecord| execution.memo.failure == Some(FailureKind::Refused);
    if let Some(why) = first.clone().filter(|_| failed().all(refused)) {
        return Failure::refused(why);
    }
    let unknown = || "no execution produced a result".to_owned();
    if shard.state == ShardState::Failed && lacks_bids(record, shard) {
        return Failure::new(Exit::NoVerdict, shard.why.clone().or(first).unwrap_or_else(unknown));
    }
    let why = match (first, &shard.why) {
        (Some(first), _) if shard.executions.iter().all(|execution| execution.h1.is_none()) => first,
        (_, Some(why)) => why.clone(),
        (first, None) => first.unwrap_or_else(unknown),
    };
    if shard.state == ShardState::Cancelled {
        return Failure::new(Exit::NoVerdict, format!("the job was cancelled: {why}"));
    }
    HostFailure::new(why).into()
}

/// Whether fewer executions were started than the deal needs, because too few providers bid.
fn lacks_bids(record: &JobRecord, shard: &ShardRecord) -> bool {
    shard.executions.len() < usize::from(record.job.spec().deal.concurrency())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_job::Deal;
    use bacalhau_testkit::records::{ended, key, record, spec};

    #[test]
    fn too_few_bids_are_no_verdict() {
        let spec = bacalhau_job::JobSpec { deal: Deal::new(3, 0).unwrap(), ..spec() };
        let mut record = ended(record(spec, 1, &key(1), 1), ShardState::Failed, 2);
        let why = "bids 1/3 after 30 s: not enough providers offered to run it";
        record.shards[0].why = Some(why.into());
        assert_eq!(FinishedJob::exit_of(&record), Exit::NoVerdict);
        let failure = FinishedJob::of(record, Vec::new()).unwrap_err();
        assert_eq!((failure.exit, failure.message.as_str()), (Exit::NoVerdict, why));
    }
}
