//! Groups of equal proposals. Executions are grouped by the hash of their results; within a group, complete claims are
//! compared, because correct runs of a job have byte-equal claims. `deterministic` decides which group wins.

use std::collections::BTreeMap;

use super::{Content, Proposal};
use bacalhau_job::Group;
use bacalhau_tree::Link;

/// An execution and the CID of its claim.
type Member = (u16, Link);

/// Compares the members' claims: the most frequent one is the group's.
pub(super) fn compared(h1: &str, members: &[Member]) -> Group {
    let mut camps: BTreeMap<String, Vec<Member>> = BTreeMap::new();
    for member in members {
        camps.entry(member.1.to_string()).or_default().push(*member);
    }
    let largest = camps.values().map(Vec::len).max().unwrap_or(0);
    let mut leading = camps.values().filter(|camp| camp.len() == largest);
    if let (Some(camp), None) = (leading.next(), leading.next()) {
        Group { faulty: deviating(members, camp), ..uncompared(h1, camp) }
    } else {
        Group { disputed: deviating(members, members), ..uncompared(h1, members) }
    }
}

/// Takes all members as they are.
pub(super) fn uncompared(h1: &str, members: &[Member]) -> Group {
    of(h1, members.iter().map(|(execution, _)| *execution).collect())
}

fn of(h1: &str, executions: Vec<u16>) -> Group {
    Group { h1: h1.into(), executions, faulty: Vec::new(), disputed: Vec::new() }
}

/// The members whose claims differ from that of the first of `others`.
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
            // An empty hash is not a result.
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
        groups.push(of("", unreadable));
    }
    for (h1, mut members) in members {
        members.sort_unstable_by_key(|(execution, _)| *execution);
        groups.push(group(h1, &members));
    }
    // The sort is stable, and the hashes ascend already.
    groups.sort_by_key(|group| std::cmp::Reverse(group.executions.len()));
    (groups, absent)
}
