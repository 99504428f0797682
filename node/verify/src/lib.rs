//! Verifiers decide which of several results is accepted. They are pure functions from proposals to a verdict.
//! publish anything.

mod age_seal;
mod deterministic;
mod early;
#[cfg(test)]
mod fake;
mod group;
mod noop;
mod seal;

use bacalhau_tree::Link;

pub use age_seal::AgeSeal;
pub use deterministic::Deterministic;
pub use noop::Noop;
pub use seal::{Seal, SealError, is_signed};

use bacalhau_job::{Deal, Verdict};

/// The proposed result of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal<'a> {
    /// Number of the execution, counted from 1; each has one proposal at most.
    pub execution: u16,
    /// The content.
    pub content: Content<'a>,
}

/// The content of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// The hash that is voted for, and the CID of the claim.
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
    /// The verdict: a function of the deal and the set of proposals, independent of their order.
    fn verify(&self, deal: Deal, proposals: &[Proposal<'_>]) -> Verdict;

    /// The verdict, if it is decided while `outstanding` executions, which are `Absent` from `proposals` or not in it,
    /// may still propose or fail: the rule and the winning result hold in any case. Groups may still grow. Default:
    /// when nothing is outstanding.
    fn decided(&self, deal: Deal, proposals: &[Proposal<'_>], outstanding: usize) -> Option<Verdict> {
        (outstanding == 0).then(|| self.verify(deal, proposals))
    }
}
