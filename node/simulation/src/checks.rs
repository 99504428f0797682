//! Invariants that are checked at every step.

use std::collections::{BTreeMap, BTreeSet};

use bacalhau_tree::Link;
use libp2p::PeerId;

use super::behaviour::truth;
use super::report::Report;
use super::{Behaviour, FakeSeal};
use bacalhau_job::{
    ExecutionId, ExecutionState, FailureKind, JobId, JobRecord, JobState, ShardRecord, ShardState, Verdict,
    VerifierKind,
};
use bacalhau_protocol::Proposal;
use bacalhau_verify::Seal as _;

/// State for checking invariants.
#[derive(Debug, Default)]
pub(super) struct Checks {
    behaviours: BTreeMap<PeerId, Behaviour>,
    jobs: BTreeMap<JobId, Seen>,
}

/// What has been seen of a job.
#[derive(Debug, Default)]
struct Seen {
    verdicts: BTreeMap<u32, Verdict>,
    ended: Option<JobState>,
    /// Proposals of honest nodes.
    proposed: BTreeMap<(PeerId, ExecutionId), (String, Link)>,
    /// Executions whose published results matched the vote.
    collected: BTreeSet<ExecutionId>,
}

impl Checks {
    pub(super) fn knows(&mut self, peer: PeerId, behaviour: Behaviour) {
        self.behaviours.insert(peer, behaviour);
    }

    /// The published results of an execution matched the vote.
    pub(super) fn collected(&mut self, execution: ExecutionId) {
        self.jobs.entry(execution.job).or_default().collected.insert(execution);
    }

    /// Drops what has been seen of a job.
    pub(super) fn forget(&mut self, job: &JobId) {
        self.jobs.remove(job);
    }

    /// A requester has put this on disk. The answer is whether the job has ended by it.
    pub(super) fn record(&mut self, record: &JobRecord, report: &mut Report) -> bool {
        let id = record.job.id;
        let mut violation = |what: String| report.violation(format!("job {id}: {what}"));
        if record.state != JobState::of(record.shards.iter().map(|shard| shard.state)) {
            violation(format!("is {} and its shards are not", record.state));
        }
        let seen = self.jobs.entry(id).or_default();
        let ends = record.state.is_final() && seen.ended.is_none();
        if record.state.is_final() {
            if record.ended_ms.is_none() {
                violation("has ended at no time".into());
            }
            let state = *seen.ended.get_or_insert(record.state);
            if state != record.state {
                violation(format!("was {state} for good and is {}", record.state));
            }
        } else if let Some(state) = seen.ended {
            violation(format!("was {state}, a final state, and changed"));
        }
        for (number, shard) in (0..).zip(&record.shards) {
            for what in self.shard(record, number, shard) {
                report.violation(format!("job {id}, shard {number}: {what}"));
            }
            self.verdict(id, number, shard, report);
        }
        ends
    }

    fn shard(&self, record: &JobRecord, number: u32, shard: &ShardRecord) -> Vec<String> {
        let mut wrong = Vec::new();
        let spec = record.job.spec();
        let right_numbers = (1..).zip(&shard.executions).all(|(number, execution)| execution.number == number);
        if !right_numbers {
            wrong.push("executions are not numbered in order".into());
        }
        let bidders: BTreeSet<PeerId> = shard.bids.iter().map(|bid| bid.peer).collect();
        if bidders.len() != shard.bids.len() {
            wrong.push("a node has bid twice".into());
        }
        let given_back = Some(FailureKind::Withdrawn);
        let begun = || shard.executions.iter().filter(|execution| execution.memo.failure != given_back);
        let runners: BTreeSet<PeerId> = begun().map(|execution| execution.peer).collect();
        if runners.len() != begun().count() {
            wrong.push("a node runs it twice".into());
        }
        let pending = shard.executions.iter().filter(|execution| execution.state.is_pending()).count();
        if pending > usize::from(spec.deal.concurrency()) {
            wrong.push(format!("{pending} executions at once"));
        }
        if shard.state == ShardState::Failed && shard.why.as_deref().is_none_or(str::is_empty) {
            wrong.push("failed for no reason".into());
        }
        if shard.state == ShardState::Completed && shard.published.is_none() {
            wrong.push("completed without a publication".into());
        }
        if let Some(published) = shard.published {
            let execution = shard.execution(published);
            let id = record.job.id.execution(number, published);
            let h1 = execution.and_then(|execution| execution.h1.as_deref());
            let voted = shard.verdict.as_ref().and_then(|verdict| {
                let group = verdict.groups.iter().find(|group| group.executions.contains(&published))?;
                Some(group.h1.as_str())
            });
            if h1.is_none() || h1 != voted || !self.has_collected(&id) {
                wrong.push(format!("execution {published} was published without matching the vote"));
            }
            let may = shard.verdict.as_ref().is_some_and(|verdict| match verdict.winner() {
                Some(group) => group.executions.contains(&published),
                None => verdict.chosen().is_some(),
            });
            if !may {
                wrong.push(format!("execution {published} was published and had not won"));
            }
        }
        wrong
    }

    fn has_collected(&self, execution: &ExecutionId) -> bool {
        self.jobs.get(&execution.job).is_some_and(|seen| seen.collected.contains(execution))
    }

    /// A verdict never changes, and is not there without a reason.
    fn verdict(&mut self, job: JobId, number: u32, shard: &ShardRecord, report: &mut Report) {
        let seen = self.jobs.entry(job).or_default();
        let before = seen.verdicts.get(&number);
        let Some(verdict) = &shard.verdict else {
            if before.is_some() {
                report.violation(format!("job {job}, shard {number}: a verdict was taken back"));
            }
            return;
        };
        if let Some(before) = before {
            if before != verdict {
                report.violation(format!("job {job}, shard {number}: two verdicts, {before:?} and {verdict:?}"));
            }
            return;
        }
        report.decided(verdict.rule);
        seen.verdicts.insert(number, verdict.clone());
    }

    /// A verdict that has just fallen: whether it may.
    pub(super) fn quorum(&self, record: &JobRecord) -> Vec<String> {
        let mut wrong = Vec::new();
        let spec = record.job.spec();
        for (number, shard) in (0..).zip(&record.shards) {
            if self.jobs.get(&record.job.id).is_some_and(|seen| seen.verdicts.contains_key(&number)) {
                continue;
            }
            let Some(group) = shard.verdict.as_ref().and_then(Verdict::winner) else { continue };
            let mut what = |what: String| wrong.push(format!("job {}, shard {number}: {what}", record.job.id));
            if spec.verifier != VerifierKind::Deterministic {
                what("won without a vote".into());
            }
            let members: Vec<_> = group.executions.iter().filter_map(|member| shard.execution(*member)).collect();
            let peers: BTreeSet<PeerId> = members.iter().map(|member| member.peer).collect();
            if peers.len() < 2 || peers.len() < usize::from(spec.deal.confidence()) {
                what(format!("{} nodes are not a quorum", peers.len()));
            }
            if members.iter().any(|member| member.h1.as_ref() != Some(&group.h1)) {
                what("the winning group does not agree".into());
            }
            if group.h1 != truth(&record.job.id, number) {
                let honest = shard.executions.iter().filter(|execution| {
                    let alive = !matches!(execution.state, ExecutionState::Failed | ExecutionState::Cancelled);
                    alive && self.runs_honestly(&execution.peer)
                });
                let honest = honest.count();
                if peers.len() <= honest {
                    what(format!("{} won against {honest} honest runs with {}", peers.len(), group.h1));
                }
            }
        }
        wrong
    }

    fn runs_honestly(&self, peer: &PeerId) -> bool {
        self.behaviours.get(peer).is_some_and(|behaviour| behaviour.runs_honestly())
    }

    /// A node proposes something: honest ones never change their mind.
    pub(super) fn proposal(&mut self, from: PeerId, to: PeerId, proposal: &Proposal) -> Option<String> {
        if !self.runs_honestly(&from) {
            return None;
        }
        let ballot = match FakeSeal::new(to, 0).open(&proposal.sealed) {
            Ok(ballot) => ballot,
            Err(error) => return Some(format!("{from} encrypted a proposal that cannot be decrypted: {error}")),
        };
        let ours = (ballot.h1, ballot.claim);
        let first = self
            .jobs
            .entry(proposal.execution.job)
            .or_default()
            .proposed
            .entry((from, proposal.execution))
            .or_insert_with(|| ours.clone());
        (*first != ours).then(|| format!("{from} proposed two results for {}", proposal.execution))
    }
}
