//! The table of votes that the original was tested by, and more: how many nodes, how many of them lie, how many must agree,
//! and what comes of it for each of two shards.

use bacalhau_job::{ExecutionState, JobRecord, JobState, Rule, ShardRecord};

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) nodes: u16,
    /// The last of them tell the same lie.
    pub(crate) bad: u16,
    pub(crate) confidence: u16,
    /// Executions that are verified by the vote.
    pub(crate) passed: usize,
    pub(crate) rule: Rule,
}

pub(crate) const TABLE: [Line; 7] = [
    line(1, 0, 0, 0, Rule::OneRun),
    line(3, 0, 0, 3, Rule::LargestGroup),
    line(3, 1, 0, 2, Rule::LargestGroup),
    line(2, 1, 0, 0, Rule::Alone),
    line(5, 2, 4, 0, Rule::BelowConfidence),
    line(5, 2, 3, 3, Rule::LargestGroup),
    line(4, 2, 0, 0, Rule::Draw),
];

const fn line(nodes: u16, bad: u16, confidence: u16, passed: usize, rule: Rule) -> Line {
    Line { nodes, bad, confidence, passed, rule }
}

impl Line {
    /// Whether a result stands, be it verified or not.
    pub(crate) fn stands(&self) -> bool {
        self.passed > 0 || self.rule == Rule::OneRun
    }

    /// The sizes of the groups of equal results, the largest first.
    pub(crate) fn groups(&self) -> Vec<usize> {
        let mut groups = vec![usize::from(self.nodes - self.bad), usize::from(self.bad)];
        groups.retain(|size| *size > 0);
        groups
    }

    /// Checks a job of so many shards that has ended.
    pub(crate) fn check(&self, record: &JobRecord, shards: usize) {
        let state = if self.stands() { JobState::Completed } else { JobState::Failed };
        assert_eq!((record.state, record.shards.len()), (state, shards), "{self:?} {record:#?}");
        for shard in &record.shards {
            self.check_shard(shard);
        }
    }

    fn check_shard(&self, shard: &ShardRecord) {
        let verdict = shard.verdict.as_ref().unwrap_or_else(|| panic!("no verdict: {self:?} {shard:#?}"));
        assert_eq!(verdict.rule, self.rule, "{self:?} {shard:#?}");
        let groups: Vec<usize> = verdict.groups.iter().map(|group| group.executions.len()).collect();
        assert_eq!(groups, self.groups(), "{self:?} {shard:#?}");
        let verified = verdict.winner().map_or(0, |group| group.executions.len());
        assert_eq!(verified, self.passed, "{self:?} {shard:#?}");
        let count = |wanted: &[ExecutionState]| {
            shard.executions.iter().filter(|execution| wanted.contains(&execution.state)).count()
        };
        let won = if self.stands() { self.passed.max(1) } else { 0 };
        let lost = usize::from(self.nodes) - won;
        let counts = [count(&[ExecutionState::Won, ExecutionState::Published]), count(&[ExecutionState::Lost])];
        assert_eq!(counts, [won, lost], "{self:?} {shard:#?}");
        assert_eq!(count(&[ExecutionState::Published]), usize::from(self.stands()), "{self:?} {shard:#?}");
        assert_eq!(shard.published.is_some(), self.stands());
    }
}
