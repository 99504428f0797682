//! The vote by hand and by property. Proposals are written as text: `a` to `c` are hashes, and the digit behind one is
//! the fuel that is claimed with it, 1 where there is none; `?` cannot be read, `-` failed on its host.

use std::collections::{BTreeMap, BTreeSet};

use bacalhau_tree::Link;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Content;
use crate::fake::claim;

/// What one execution proposes, where `content` borrows from.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Vote(String, Link),
    Unreadable,
    Absent,
}

/// Executions from 1 on, and what they say.
fn said(text: &str) -> Vec<(u16, Said)> {
    let mut letters = text.chars().peekable();
    let mut said = Vec::new();
    while let Some(letter) = letters.next() {
        said.push(match letter {
            '-' => Said::Absent,
            '?' => Said::Unreadable,
            hash => {
                let fuel = letters.next_if(char::is_ascii_digit).and_then(|digit| digit.to_digit(10)).unwrap_or(1);
                let h1 = format!("h1:{hash}");
                let claim = claim(&h1, fuel.into());
                Said::Vote(h1, claim)
            }
        });
    }
    (1..).zip(said).collect()
}

fn propose((execution, said): &(u16, Said)) -> Proposal<'_> {
    let content = match said {
        Said::Absent => Content::Absent,
        Said::Unreadable => Content::Unreadable,
        Said::Vote(h1, claim) => Content::Vote { h1, claim: *claim },
    };
    Proposal { execution: *execution, content }
}

fn verify(said: &[(u16, Said)], confidence: u16) -> Verdict {
    let proposals: Vec<_> = said.iter().map(propose).collect();
    Deterministic.verify(Deal::new(u16::try_from(proposals.len()).unwrap(), confidence).unwrap(), &proposals)
}

fn vote(text: &str, confidence: u16) -> Verdict {
    verify(&said(text), confidence)
}

fn passed(verdict: &Verdict) -> &[u16] {
    verdict.winner().map_or(&[], |group| &group.executions)
}

fn faulty(verdict: &Verdict) -> Vec<u16> {
    verdict.groups.iter().flat_map(|group| group.faulty.iter().copied()).collect()
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
        ("??b", 0, Rule::Unreadable, 0),
        ("???aa", 2, Rule::Unreadable, 0),
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
        // Equal results with unequal claims.
        ("aaa2", 0, Rule::LargestGroup, 2),
        ("aaa2", 3, Rule::BelowConfidence, 0),
        ("aaa2a3", 0, Rule::LargestGroup, 2),
        ("aaa2a2bb", 0, Rule::Disputed, 0),
        ("aaa2bb", 0, Rule::Draw, 0),
        ("aaaa2bb", 0, Rule::LargestGroup, 3),
        ("aa2", 0, Rule::Disputed, 0),
        ("aa2a3", 0, Rule::Disputed, 0),
        ("aa2bb", 0, Rule::Draw, 0),
        ("aa2bbb", 0, Rule::LargestGroup, 3),
        ("aa2b", 0, Rule::Disputed, 0),
        // Who doubts the fuel of others does not help a third result past theirs.
        ("aaa2a2bbb", 0, Rule::Disputed, 0),
    ];
    for (text, confidence, rule, count) in table {
        let verdict = vote(text, confidence);
        assert_eq!(verdict.rule, rule, "{text} with confidence {confidence}");
        assert_eq!(passed(&verdict).len(), count, "{text}");
    }
}

#[test]
fn the_verdict_lists_who_said_what() {
    let verdict = vote("ba-a?", 0);
    let executions: Vec<_> = verdict.groups.iter().map(|group| (group.h1.as_str(), &group.executions[..])).collect();
    assert_eq!(executions, [("h1:a", &[2, 4][..]), ("", &[5]), ("h1:b", &[1])]);
    assert_eq!(verdict.absent, [3]);
    assert_eq!(verdict.chosen(), Some(2));
    assert_eq!(vote("a", 0).chosen(), Some(1), "the result of one run is kept, but not verified");
    assert_eq!(vote("ab", 0).chosen(), None);
}

#[test]
fn a_faulty_claim_is_named_and_not_counted() {
    let mut said = said("aa5ab2b3");
    let verdict = verify(&said, 0);
    assert_eq!(verdict.rule, Rule::Draw, "the faulty claim does not make its group larger");
    said.push((6, Said::Vote("h1:a".into(), claim("h1:a", 1))));
    let verdict = verify(&said, 0);
    let expected = json!({
        "rule": "largest-group",
        "groups": [
            {"h1": "h1:a", "executions": [1, 3, 6], "faulty": [2], "disputed": []},
            {"h1": "h1:b", "executions": [4, 5], "faulty": [], "disputed": [5]},
        ],
        "absent": [],
        "asked": 6,
        "had": 6,
    });
    assert_eq!(serde_json::to_value(verdict).unwrap(), expected);
    let verdict = vote("aa-", 0);
    assert_eq!((verdict.asked, verdict.had), (3, 2), "a failure is no result");
}

#[test]
fn no_hash_is_no_result() {
    let mut said = said("aaabb");
    for (_, said) in &mut said[..3] {
        let Said::Vote(h1, _) = said else { panic!() };
        h1.clear();
    }
    assert_eq!(verify(&said, 0).rule, Rule::Unreadable);
}

const ANY: &str = "([abc][1-3]|[?-]){1,9}";

fn any_vote() -> impl Strategy<Value = (Vec<(u16, Said)>, u16)> {
    (ANY, 0u16..10).prop_map(|(text, confidence)| {
        let said = said(&text);
        let most = u16::try_from(said.len()).unwrap();
        (said, confidence.min(most))
    })
}

/// How many make each claim: by hash, and then by its CID.
fn count(said: &[(u16, Said)]) -> BTreeMap<&str, BTreeMap<String, usize>> {
    let mut count: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (_, said) in said {
        match said {
            Said::Vote(h1, claim) => *count.entry(&h1[..]).or_default().entry(claim.to_string()).or_insert(0) += 1,
            Said::Unreadable => *count.entry("").or_default().entry(String::new()).or_insert(0) += 1,
            Said::Absent => {}
        }
    }
    count
}

/// All that `outstanding` executions can come to, whichever of them says what: old and new hashes and claims.
fn completions(outstanding: usize) -> Vec<Vec<Said>> {
    let one: Vec<Said> = said("a1a2a3a4a5b1b2b3b4b5c1c2c3?-").into_iter().map(|(_, said)| said).collect();
    let mut all: Vec<(usize, Vec<Said>)> = vec![(0, Vec::new())];
    for _ in 0..outstanding {
        let longer = |(from, so_far): &(usize, Vec<Said>)| {
            let with = |next: usize| (next, [so_far.as_slice(), &one[next..=next]].concat());
            (*from..one.len()).map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all.into_iter().map(|(_, said)| said).collect()
}

proptest! {
    #[test]
    fn order_of_arrival_never_matters(
        ((said, confidence), shuffled) in any_vote()
            .prop_flat_map(|vote| { let shuffled = Just(vote.0.clone()).prop_shuffle(); (Just(vote), shuffled) })
    ) {
        prop_assert_eq!(verify(&said, confidence), verify(&shuffled, confidence));
    }

    #[test]
    fn a_winner_is_the_unique_largest_group_with_a_most_frequent_claim((said, confidence) in any_vote()) {
        let count = count(&said);
        let mut standing: Vec<(usize, bool, &str)> = count.iter().map(|(h1, claims)| {
            let most = *claims.values().max().unwrap();
            let alone = claims.values().filter(|size| **size == most).count() == 1;
            (if alone { most } else { claims.values().sum() }, alone && !h1.is_empty(), *h1)
        }).collect();
        standing.sort_unstable();
        let expected = match standing.pop() {
            Some((size, true, h1)) if size >= 2 && size >= usize::from(confidence) => {
                (standing.iter().all(|other| other.0 < size)).then_some(h1)
            }
            _ => None,
        };
        let verdict = verify(&said, confidence);
        prop_assert_eq!(verdict.winner().map(|group| group.h1.as_str()), expected);
    }

    #[test]
    fn every_execution_is_named_once((said, confidence) in any_vote()) {
        let verdict = verify(&said, confidence);
        let mut named = faulty(&verdict);
        named.extend(verdict.absent);
        named.extend(verdict.groups.into_iter().flat_map(|group| group.executions));
        named.sort_unstable();
        prop_assert_eq!(named, (1..).take(said.len()).collect::<Vec<u16>>());
    }

    #[test]
    fn none_counts_who_does_not_claim_the_same((said, confidence) in any_vote()) {
        let claims: BTreeMap<u16, Link> = said.iter().filter_map(|(execution, said)| match said {
            Said::Vote(_, claim) => Some((*execution, *claim)),
            Said::Unreadable | Said::Absent => None,
        }).collect();
        let verdict = verify(&said, confidence);
        for group in verdict.groups.iter().filter(|group| !group.h1.is_empty()) {
            let counted: BTreeSet<Link> = group.executions.iter().map(|execution| claims[execution]).collect();
            prop_assert_eq!(counted.len() == 1, group.disputed.is_empty());
            let most = claims.values().filter(|claim| counted.contains(claim)).count();
            prop_assert!(group.executions.len() <= most);
            prop_assert!(group.disputed.is_empty() || group.faulty.is_empty());
            prop_assert!(group.faulty.iter().all(|execution| !counted.contains(&claims[execution])));
        }
    }

    /// A liar among the winners: with the right hash, and a claim of its own or one that others make up as well.
    #[test]
    fn a_false_claim_about_the_right_results_changes_no_winner(
        ((mut said, confidence), fuel) in (any_vote(), 1u64..5)
    ) {
        let before = verify(&said, confidence);
        let Some(winner) = before.winner() else { return Ok(()) };
        let right = said[usize::from(winner.executions[0]) - 1].1.clone();
        let lie = Said::Vote(winner.h1.clone(), claim(&winner.h1, fuel));
        prop_assume!(lie != right);
        let liar = u16::try_from(said.len() + 1).unwrap();
        said.push((liar, lie));
        let after = verify(&said, confidence);
        if let Some(after) = after.winner() {
            prop_assert_eq!((&after.h1, &after.executions), (&winner.h1, &winner.executions));
            prop_assert!(after.faulty.contains(&liar));
        } else {
            // As many lie alike as are right: it takes more than this one.
            prop_assert_eq!((after.rule, fuel < 4), (Rule::Disputed, true));
        }
    }

    #[test]
    fn one_more_honest_vote_never_unseats_the_honest((mut said, confidence) in any_vote()) {
        let before = verify(&said, confidence);
        let Some(winner) = before.winner() else { return Ok(()) };
        let honest = said[usize::from(winner.executions[0]) - 1].1.clone();
        let another = u16::try_from(said.len() + 1).unwrap();
        said.push((another, honest));
        let after = verify(&said, confidence);
        let after = after.winner().expect("they are one more");
        prop_assert_eq!(&after.h1, &winner.h1);
        prop_assert!(after.executions.starts_with(&winner.executions) && after.executions.ends_with(&[another]));
    }

    /// Every way in which up to three outstanding executions may end is tried: nothing changes exactly if we say so.
    #[test]
    fn a_verdict_falls_early_exactly_if_nothing_can_change_it(
        (text, outstanding, confidence) in ("([ab][1-2]|[?-]){0,6}", 1usize..4, 0u16..8)
    ) {
        let said = said(&text);
        let most = u16::try_from(said.len() + outstanding).unwrap();
        let deal = Deal::new(most.max(2), confidence.min(most)).unwrap();
        let proposals: Vec<_> = said.iter().map(propose).collect();
        let standing = |verdict: &Verdict| {
            let winner = verdict.winner()?;
            let claim = said.iter().find(|(number, _)| winner.executions.contains(number));
            Some((winner.h1.clone(), claim.map(|(_, said)| said.clone())))
        };
        let now = Deterministic.verify(deal, &proposals);
        let same = completions(outstanding).iter().all(|more| {
            let more: Vec<(u16, Said)> = (100..).zip(more.iter().cloned()).collect();
            let proposals: Vec<_> = said.iter().chain(&more).map(propose).collect();
            let then = Deterministic.verify(deal, &proposals);
            then.rule == now.rule && standing(&then) == standing(&now)
        });
        prop_assert_eq!(Deterministic.decided(deal, &proposals, outstanding), same.then_some(now));
    }

    #[test]
    fn a_minority_cannot_hinder_nor_join_the_others_whatever_it_says(
        (text, right, order) in (ANY, 1usize..8)
            .prop_map(|(lies, more)| {
                let liars = said(&lies).len();
                ("a".repeat(liars + more) + &lies, liars + more)
            })
            .prop_flat_map(|(text, right)| {
                let numbers: Vec<u16> = (1..).take(said(&text).len()).collect();
                (Just(text), Just(right), Just(numbers).prop_shuffle())
            })
    ) {
        prop_assume!(right >= 2);
        let said = said(&text).into_iter().map(|(_, said)| said);
        let said: Vec<(u16, Said)> = order.into_iter().zip(said).collect();
        let honest: BTreeSet<u16> = said[..right].iter().map(|(number, _)| *number).collect();
        let verdict = verify(&said, u16::try_from(right).unwrap());
        prop_assert_eq!(verdict.rule, Rule::LargestGroup);
        let passed: BTreeSet<u16> = passed(&verdict).iter().copied().collect();
        prop_assert!(passed.is_superset(&honest));
        let truth = Said::Vote("h1:a".into(), claim("h1:a", 1));
        let liars = said.iter().filter(|(_, said)| *said != truth);
        prop_assert!(liars.into_iter().all(|(number, _)| !passed.contains(number)));
        prop_assert!(faulty(&verdict).iter().all(|number| !honest.contains(number)));
    }
}
