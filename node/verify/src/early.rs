//! Whether a verdict is decided before all votes have arrived. `deterministic` has the vote itself.

use std::collections::BTreeMap;

use bacalhau_tree::Link;

use super::{Content, Proposal};
use bacalhau_job::{Deal, Rule, Verdict};

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

/// Whether the rule and the winner of `verdict` hold for up to `outstanding` further votes.
///
/// The largest group stays alone at the top if no other group, nor a new one, reaches its size with all outstanding
/// votes; it stays undisputed if its second claim does not reach the first. Under all other rules, one more vote can
/// change the verdict: it can match one of two single results, or break a tie or a dispute.
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
