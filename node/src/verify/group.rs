//! Who says the same. Executions belong together by the hash of their results; inside of a group their claims are
//! compared as a whole, since sound runs of one job claim the same to the byte. Which group wins is not decided here.

use std::collections::BTreeMap;

use bacalhau_runtime::Link;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Content, Proposal};

/// Executions that propose the same results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// The hash; empty for proposals that could not be read.
    pub h1: String,
    /// Whom the group counts, in ascending order. Their claims are equal, unless the group is disputed.
    pub executions: Vec<u16>,
    /// Those that propose these results too, but with another claim than most of the group. They are not counted.
    pub faulty: Vec<u16>,
    /// Where no claim is the most frequent one, nobody can tell who is faulty, and the group cannot win: those of its
    /// executions whose claims are not that of the first. Empty in every other group.
    pub disputed: Vec<u16>,
}

/// An execution and the CID of what it claims.
type Member = (u16, Link);

impl Group {
    /// Compares the members' claims: the most frequent one is the group's.
    pub(super) fn compared(h1: &str, members: &[Member]) -> Self {
        let mut camps: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for member in members {
            camps.entry(member.1.to_string()).or_default().push(*member);
        }
        let largest = camps.values().map(Vec::len).max().unwrap_or(0);
        let mut leading = camps.values().filter(|camp| camp.len() == largest);
        if let (Some(camp), None) = (leading.next(), leading.next()) {
            Self { faulty: deviating(members, camp), ..Self::uncompared(h1, camp) }
        } else {
            Self { disputed: deviating(members, members), ..Self::uncompared(h1, members) }
        }
    }

    /// Takes all members as they are.
    pub(super) fn uncompared(h1: &str, members: &[Member]) -> Self {
        Self::of(h1, members.iter().map(|(execution, _)| *execution).collect())
    }

    fn of(h1: &str, executions: Vec<u16>) -> Self {
        Self { h1: h1.into(), executions, faulty: Vec::new(), disputed: Vec::new() }
    }
}

/// The members whose claims are not that of the first of `others`.
fn deviating(members: &[Member], others: &[Member]) -> Vec<u16> {
    let Some((_, from)) = others.first() else { return Vec::new() };
    members.iter().filter(|(_, claim)| claim != from).map(|(execution, _)| *execution).collect()
}

/// Sorts proposals into groups, which `group` makes of their members: the largest group first, equally large ones by
/// hash. The second part of the answer is the executions without a proposal.
pub(super) fn groups(proposals: &[Proposal<'_>], group: impl Fn(&str, &[Member]) -> Group) -> (Vec<Group>, Vec<u16>) {
    let mut members: BTreeMap<&str, Vec<Member>> = BTreeMap::new();
    let (mut unreadable, mut absent) = (Vec::new(), Vec::new());
    for proposal in proposals {
        match proposal.content {
            // An empty hash is none, whoever claims it.
            Content::Vote { h1, claim } if !h1.is_empty() => {
                members.entry(h1).or_default().push((proposal.execution, claim));
            }
            Content::Vote { .. } | Content::Unreadable => unreadable.push(proposal.execution),
            Content::Absent => absent.push(proposal.execution),
        }
    }
    absent.sort_unstable();
    unreadable.sort_unstable();
    let mut groups = Vec::new();
    if !unreadable.is_empty() {
        groups.push(Group::of("", unreadable));
    }
    for (h1, mut members) in members {
        members.sort_unstable_by_key(|(execution, _)| *execution);
        groups.push(group(h1, &members));
    }
    // The sort is stable, and the hashes ascend already.
    groups.sort_by_key(|group| std::cmp::Reverse(group.executions.len()));
    (groups, absent)
}
