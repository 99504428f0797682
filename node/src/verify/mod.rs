//! Which of several results is the right one. Verifiers are pure: proposals in, verdict out. They neither run nor
//! publish anything.

mod age_seal;
mod deterministic;
mod early;
#[cfg(test)]
mod fake;
mod group;
mod noop;
mod seal;

use bacalhau_runtime::Link;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use age_seal::AgeSeal;
pub use deterministic::Deterministic;
pub use group::Group;
pub use noop::Noop;
pub use seal::{Seal, SealError, is_signed};

use crate::job::Deal;

/// What one execution says that the result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal<'a> {
    /// Number of the execution, counted from 1; each has one proposal at most.
    pub execution: u16,
    /// What it proposes.
    pub content: Content<'a>,
}

/// The content of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// What the execution votes for, and the CID of all that it claims.
    Vote {
        /// The hash of the results.
        h1: &'a str,
        /// The CID of the claim: outcome, fuel and the rest.
        claim: Link,
    },
    /// The proposal could not be read, or belongs to something else.
    Unreadable,
    /// The execution failed on its host. Not a vote.
    Absent,
}

/// Decides over the proposals of one job.
pub trait Verifier: Send + Sync {
    /// The verdict. A function of the deal and of the set of proposals: the order in which they arrived is nothing.
    fn verify(&self, deal: Deal, proposals: &[Proposal<'_>]) -> Verdict;

    /// The verdict, if it can be given while `outstanding` of the executions that are `Absent` from `proposals`, or not
    /// among them yet, may still propose something or fail: whatever they say, the rule stays, and so does the result
    /// that won. Groups may yet grow. Default: as soon as nothing is outstanding.
    fn decided(&self, deal: Deal, proposals: &[Proposal<'_>], outstanding: usize) -> Option<Verdict> {
        (outstanding == 0).then(|| self.verify(deal, proposals))
    }
}

/// What came of a vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// The rule that decided.
    pub rule: Rule,
    /// Equal results together: the largest group first, equally large ones by hash. Each execution stands in one group
    /// or in `absent`, once.
    pub groups: Vec<Group>,
    /// Executions without a proposal.
    pub absent: Vec<u16>,
}

/// The rule that decided a vote. All but the first leave the result unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The largest group won.
    LargestGroup,
    /// The deal asks for one run only.
    OneRun,
    /// No execution proposed anything.
    NoProposal,
    /// No two results are equal.
    Alone,
    /// Another group is as large as the largest.
    Draw,
    /// The largest group is of proposals that could not be read.
    Unreadable,
    /// The largest group agrees on the results, but no claim is the most frequent in it.
    Disputed,
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
            Self::Disputed => "runs with the same results differ in the rest of their claims, as many against as many",
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

    /// The execution whose result stands for the job: the first of [`standing`](Self::standing).
    pub fn chosen(&self) -> Option<u16> {
        self.standing().first().copied()
    }

    /// The executions whose results stand, in ascending order: those that won, or all that can be read where nothing was
    /// to be compared.
    pub fn standing(&self) -> Vec<u16> {
        match self.rule {
            Rule::LargestGroup => self.winner().map_or_else(Vec::new, |group| group.executions.clone()),
            Rule::OneRun | Rule::NotCompared => {
                let readable = self.groups.iter().filter(|group| !group.h1.is_empty());
                let mut standing: Vec<u16> = readable.flat_map(|group| group.executions.iter().copied()).collect();
                standing.sort_unstable();
                standing
            }
            Rule::NoProposal | Rule::Alone | Rule::Draw | Rule::Unreadable | Rule::Disputed | Rule::BelowConfidence => {
                Vec::new()
            }
        }
    }
}
