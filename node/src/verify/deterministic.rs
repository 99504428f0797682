//! The vote. Programs in the sandbox have one right result, so equal hashes of independent runs show it. Whoever has
//! the hash of a group and not its claim is faulty: it neither counts nor takes anything from the others.

use super::early::stays;
use super::group::{Group, groups};
use super::{Proposal, Rule, Verdict, Verifier};
use crate::job::Deal;

/// The largest group of equal proposals wins, unless one of the rules below says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Deterministic;

impl Verifier for Deterministic {
    fn verify(&self, deal: Deal, proposals: &[Proposal<'_>]) -> Verdict {
        let (groups, absent) = groups(proposals, Group::compared);
        Verdict { rule: decide(deal, &groups), groups, absent }
    }

    fn decided(&self, deal: Deal, proposals: &[Proposal<'_>], outstanding: usize) -> Option<Verdict> {
        let verdict = self.verify(deal, proposals);
        (outstanding == 0 || stays(deal, &verdict, proposals, outstanding)).then_some(verdict)
    }
}

/// `groups` come with the largest first. A majority that cannot be read, or that is disputed, voids the vote; it does
/// not fall to the next. A disputed group stands with all of its members: as nobody knows who of them is faulty, each
/// may be right about the results.
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
