//! The vote. Programs in the sandbox have one right result, so equal hashes of independent runs show it.

use super::{Group, Proposal, Rule, Verdict, Verifier};
use crate::job::Deal;

/// The largest group of equal proposals wins, unless one of the rules below says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Deterministic;

impl Verifier for Deterministic {
    fn verify(&self, deal: Deal, proposals: &[Proposal]) -> Verdict {
        Verdict::over(proposals, |groups| decide(deal, groups))
    }
}

/// `groups` come with the largest first. A majority that cannot be read voids the vote; it does not fall to the next.
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
    } else if largest < usize::from(deal.confidence()) {
        Rule::BelowConfidence
    } else {
        Rule::LargestGroup
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::verify::Content;

    /// One letter for each proposal: `a`, `b`, `c` are hashes, `?` cannot be read, `-` failed on its host.
    fn proposals(letters: &str) -> Vec<Proposal> {
        (1..)
            .zip(letters.chars())
            .map(|(execution, letter)| {
                let content = match letter {
                    '-' => Content::Absent,
                    '?' => Content::Hash(String::new()),
                    hash => Content::Hash(format!("h1:{hash}")),
                };
                Proposal { execution, content }
            })
            .collect()
    }

    fn vote(letters: &str, confidence: u16) -> Verdict {
        let proposals = proposals(letters);
        let deal = Deal::new(u16::try_from(proposals.len()).unwrap(), confidence).unwrap();
        Deterministic.verify(deal, &proposals)
    }

    #[test]
    fn truth_table() {
        let table = [
            // Of the original, where the bad ones all say the same. It calls two lone results a draw.
            ("a", 0, Rule::OneRun, 0),
            ("aaa", 0, Rule::LargestGroup, 3),
            ("aab", 0, Rule::LargestGroup, 2),
            ("ab", 0, Rule::Alone, 0),
            ("aaabb", 4, Rule::BelowConfidence, 0),
            // Ours.
            ("aaabb", 3, Rule::LargestGroup, 3),
            ("aabb", 0, Rule::Draw, 0),
            ("aabbc", 0, Rule::Draw, 0),
            ("abc", 0, Rule::Alone, 0),
            ("aabc", 0, Rule::LargestGroup, 2),
            ("baca", 2, Rule::LargestGroup, 2),
            ("aabc", 3, Rule::BelowConfidence, 0),
            ("??a", 0, Rule::Unreadable, 0),
            ("??aa", 0, Rule::Draw, 0),
            ("?aa", 0, Rule::LargestGroup, 2),
            ("?", 0, Rule::OneRun, 0),
            ("-aa", 0, Rule::LargestGroup, 2),
            ("-aa", 3, Rule::BelowConfidence, 0),
            ("--a", 0, Rule::Alone, 0),
            ("-a", 0, Rule::Alone, 0),
            ("-", 0, Rule::NoProposal, 0),
            ("---", 2, Rule::NoProposal, 0),
        ];
        for (letters, confidence, rule, passed) in table {
            let verdict = vote(letters, confidence);
            assert_eq!(verdict.rule, rule, "{letters} with confidence {confidence}");
            assert_eq!(verdict.winner().map_or(0, |group| group.executions.len()), passed, "{letters}");
        }
    }

    #[test]
    fn the_verdict_lists_who_said_what() {
        let verdict = vote("ba-a?", 0);
        let group = |h1: &str, executions: &[u16]| Group { h1: h1.into(), executions: executions.into() };
        assert_eq!(verdict.groups, [group("h1:a", &[2, 4]), group("", &[5]), group("h1:b", &[1])]);
        assert_eq!(verdict.absent, [3]);
        assert_eq!(verdict.chosen(), Some(2));
        assert_eq!(vote("a", 0).chosen(), Some(1), "the result of one run is kept, but not verified");
        assert_eq!(vote("ab", 0).chosen(), None);
    }

    fn any_vote() -> impl Strategy<Value = (Vec<Proposal>, Deal)> {
        ("[abc?-]{1,9}", 0u16..10).prop_map(|(letters, confidence)| {
            let proposals = proposals(&letters);
            let concurrency = u16::try_from(proposals.len()).unwrap();
            (proposals, Deal::new(concurrency, confidence.min(concurrency)).unwrap())
        })
    }

    proptest! {
        #[test]
        fn order_of_arrival_never_matters(
            ((proposals, deal), shuffled) in any_vote()
                .prop_flat_map(|vote| { let shuffled = Just(vote.0.clone()).prop_shuffle(); (Just(vote), shuffled) })
        ) {
            prop_assert_eq!(Deterministic.verify(deal, &proposals), Deterministic.verify(deal, &shuffled));
        }

        #[test]
        fn a_winner_is_the_unique_largest_readable_group_of_two_or_more((proposals, deal) in any_vote()) {
            let count = |h1: &str| proposals.iter().filter(|p| p.content == Content::Hash(h1.into())).count();
            let sizes = ["h1:a", "h1:b", "h1:c", ""].map(|h1| (h1, count(h1)));
            let largest = sizes.iter().map(|(_, size)| *size).max().unwrap_or(0);
            let mut of_that_size = sizes.iter().filter(|(_, size)| *size == largest).map(|(h1, _)| *h1);
            let expected = match (of_that_size.next(), of_that_size.next()) {
                (Some(h1), None) if largest >= 2 && largest >= usize::from(deal.confidence()) && !h1.is_empty() => Some(h1),
                _ => None,
            };
            let verdict = Deterministic.verify(deal, &proposals);
            prop_assert_eq!(verdict.winner().map(|group| group.h1.as_str()), expected);
        }

        #[test]
        fn every_execution_is_listed_once((proposals, deal) in any_vote()) {
            let verdict = Deterministic.verify(deal, &proposals);
            let mut listed = verdict.absent;
            listed.extend(verdict.groups.into_iter().flat_map(|group| group.executions));
            listed.sort_unstable();
            prop_assert_eq!(listed, (1..=deal.concurrency()).collect::<Vec<_>>());
        }
    }
}
