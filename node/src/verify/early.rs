//! Whether a verdict of the vote can be given before everybody has spoken. Not how the vote is decided: that is
//! `deterministic`.

use std::collections::BTreeMap;

use bacalhau_runtime::Link;

use super::{Content, Proposal, Rule, Verdict};
use crate::job::Deal;

/// The votes for one hash: how many, and how many of them agree on the claim, the most and the second most.
#[derive(Clone, Copy, Default)]
struct Tally {
    all: usize,
    first: usize,
    second: usize,
}

impl Tally {
    fn of(claims: &BTreeMap<Link, usize>) -> Self {
        let mut sizes: Vec<usize> = claims.values().copied().collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let at = |index: usize| sizes.get(index).copied().unwrap_or(0);
        Self { all: sizes.iter().sum(), first: at(0), second: at(1) }
    }

    /// As how many the group may come to count by `more` votes: all of its members, where they bring about a dispute.
    fn reach(self, more: usize) -> usize {
        let disputed = self.first - self.second <= more;
        if disputed { self.all + more } else { self.first + more }
    }
}

/// Whether no `outstanding` further votes, nor fewer, change the rule of `verdict` or the result that won by it.
///
/// That the largest group stays alone at the top means that none of the others, nor a new one, gets to its size by all
/// of the outstanding votes together; that it stays undisputed, that its second claim does not get to the first. Under all
/// other rules with a way out, one more vote can take it: two lone results need one to make two equal, a draw or a dispute
/// one to break it.
pub(super) fn stays(deal: Deal, verdict: &Verdict, proposals: &[Proposal<'_>], outstanding: usize) -> bool {
    let mut votes: BTreeMap<&str, BTreeMap<Link, usize>> = BTreeMap::new();
    for proposal in proposals {
        if let Content::Vote { h1, claim } = proposal.content {
            *votes.entry(h1).or_default().entry(claim).or_default() += 1;
        }
    }
    let Some(top) = verdict.groups.first() else { return false };
    let size = top.executions.len();
    let others = verdict.groups[1..].iter().map(|group| match group.h1.as_str() {
        "" => group.executions.len() + outstanding,
        h1 => votes.get(h1).map(Tally::of).unwrap_or_default().reach(outstanding),
    });
    let alone = others.chain([outstanding]).all(|reach| reach < size);
    let undisputed = votes.get(top.h1.as_str()).map(Tally::of).is_some_and(|top| top.second + outstanding < top.first);
    match verdict.rule {
        Rule::LargestGroup => alone && undisputed,
        Rule::BelowConfidence => alone && undisputed && size + outstanding < usize::from(deal.confidence()),
        Rule::Unreadable => alone,
        _ => false,
    }
}
