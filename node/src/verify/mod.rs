//! Which of several results is the right one. Verifiers are pure: proposals in, verdict out. They neither run nor
//! publish anything.

mod deterministic;
mod noop;

use serde::Serialize;

pub use deterministic::Deterministic;
pub use noop::Noop;

use crate::job::Deal;

/// What one execution says that the result is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Number of the execution, counted from 1; each has one proposal at most.
    pub execution: u16,
    /// What it proposes.
    pub content: Content,
}

/// The content of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The `h1:` of a results directory. Empty: the proposal could not be read, or belongs to something else.
    Hash(String),
    /// The execution failed on its host. Not a vote.
    Absent,
}

/// Decides over the proposals of one job.
pub trait Verifier: Send + Sync {
    /// The verdict. A function of the deal and of the set of proposals: the order in which they arrived is nothing.
    fn verify(&self, deal: Deal, proposals: &[Proposal]) -> Verdict;
}

/// What came of a vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The rule that decided.
    pub rule: Rule,
    /// Equal proposals together: the largest group first, equally large ones by hash.
    pub groups: Vec<Group>,
    /// Executions without a proposal.
    pub absent: Vec<u16>,
}

/// Executions that proposed the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The hash; empty for proposals that could not be read.
    pub h1: String,
    /// Who proposed it, in ascending order.
    pub executions: Vec<u16>,
}

/// The rule that decided a vote. All but the first leave the result unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The largest group won.
    LargestGroup,
    /// The deal asks for one run only.
    OneRun,
    /// No execution proposed anything.
    NoProposal,
    /// No two proposals are equal.
    Alone,
    /// Another group is as large as the largest.
    Draw,
    /// The largest group is of proposals that could not be read.
    Unreadable,
    /// The largest group has fewer members than the deal's confidence.
    BelowConfidence,
    /// The verifier does not compare anything.
    NotCompared,
}

impl Rule {
    /// The rule in words.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::LargestGroup => "the largest group of equal results wins",
            Self::OneRun => "one run has nobody to agree with",
            Self::NoProposal => "no run came to a result",
            Self::Alone => "no two runs came to the same result",
            Self::Draw => "two groups of runs are equally large",
            Self::Unreadable => "most proposals could not be read",
            Self::BelowConfidence => "fewer runs agree than --confidence asks for",
            Self::NotCompared => "the noop verifier compares nothing",
        }
    }
}

impl Verdict {
    /// The group that won: its members' result is verified.
    pub fn winner(&self) -> Option<&Group> {
        self.groups.first().filter(|_| self.rule == Rule::LargestGroup)
    }

    /// The execution whose result stands for the job: one that won, or the first where nothing was to be compared.
    pub fn chosen(&self) -> Option<u16> {
        match self.rule {
            Rule::LargestGroup => self.winner().and_then(|group| group.executions.first().copied()),
            Rule::OneRun | Rule::NotCompared => {
                self.groups.iter().flat_map(|group| group.executions.iter().copied()).min()
            }
            Rule::NoProposal | Rule::Alone | Rule::Draw | Rule::Unreadable | Rule::BelowConfidence => None,
        }
    }

    /// Sorts proposals into groups; `decide` says which rule decides over them.
    fn over(proposals: &[Proposal], decide: impl FnOnce(&[Group]) -> Rule) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut absent = Vec::new();
        for proposal in proposals {
            match &proposal.content {
                Content::Absent => absent.push(proposal.execution),
                Content::Hash(h1) => match groups.iter_mut().find(|group| group.h1 == *h1) {
                    Some(group) => group.executions.push(proposal.execution),
                    None => groups.push(Group { h1: h1.clone(), executions: vec![proposal.execution] }),
                },
            }
        }
        absent.sort_unstable();
        for group in &mut groups {
            group.executions.sort_unstable();
        }
        groups.sort_by(|a, b| b.executions.len().cmp(&a.executions.len()).then_with(|| a.h1.cmp(&b.h1)));
        Self { rule: decide(&groups), groups, absent }
    }
}
