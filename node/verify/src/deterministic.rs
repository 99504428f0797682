//! The vote. Sandboxed programs have one correct result, so equal hashes of independent runs confirm it. A member whose
//! claim differs from its group's majority is faulty: it does not count, and does not affect the others.

use super::early::stays;
use super::group::{compared, groups};
use super::{Proposal, Verifier};
use bacalhau_job::{Deal, Group, Rule, Verdict};

/// The largest group of equal proposals wins, subject to the rules below.
#[derive(Clone, Copy, Debug)]
pub struct Deterministic;

impl Verifier for Deterministic {
    fn verify(&self, deal: Deal, proposals: &[Proposal<'_>]) -> Verdict {
        let (groups, absent) = groups(proposals, compared);
        Verdict::new(decide(deal, &groups), groups, absent, deal.concurrency())
    }

    fn decided(&self, deal: Deal, proposals: &[Proposal<'_>], outstanding: usize) -> Option<Verdict> {
        let verdict = self.verify(deal, proposals);
        (outstanding == 0 || stays(deal, &verdict, proposals, outstanding)).then_some(verdict)
    }
}

/// `groups` are sorted, largest first. A largest group that is unreadable or disputed voids the vote; the next group
/// does not win instead. All members of a disputed group are listed, because it is unknown which is faulty.
fn decide(deal: Deal, groups: &[Group]) -> Rule {
    let size = |group: Option<&Group>| group.map_or(0, |group| group.executions.len());
    let largest = size(groups.first());
    if largest == 0 {
        Rule::NoProposal
    } else if deal.concurrency() == 1 {
        Rule::OneRun
    } else if largest == 1 {
        Rule::Alone
    } else if largest == size(groups.get(1)) {
        Rule::Draw
    } else if groups[0].h1.is_empty() {
        Rule::Unreadable
    } else if !groups[0].disputed.is_empty() {
        Rule::Disputed
    } else if largest < usize::from(deal.confidence()) {
        Rule::BelowConfidence
    } else {
        Rule::LargestGroup
    }
}

#[cfg(test)]
mod tests;
