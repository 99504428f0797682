//! Why a node does not bid on a job: a reason that can be counted, and a sentence for its operator.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kind of reason, by its name as nodes send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeclineReason {
    /// An input is not on the node, or cannot be fetched by it.
    NoInput,
    /// All that its executions may take together is in use.
    Full,
    /// It has no engine for the program: no containers, or not this profile.
    NoEngine,
    /// It does not publish by a publisher that the job names.
    NoPublisher,
    /// The job needs more than the node gives to one execution.
    TooLarge,
    /// Its labels do not match the selector of the job.
    NoLabel,
    /// Its operator's policy rejects the job.
    Policy,
    /// Its disk is full.
    DiskFull,
    /// It is shutting down.
    Draining,
    /// A reason that this version has no name for.
    Other,
}

/// Why a node does not bid on a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// The counted reason.
    pub reason: DeclineReason,
    /// The reason in the node's own log. Not sent, because it may contain paths of the node.
    pub why: String,
}

impl Declined {
    /// A reason with its explanation.
    pub fn new(reason: DeclineReason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into() }
    }
}

impl DeclineReason {
    /// All of them, in the order in which they are shown where counts are equal.
    const ALL: [Self; 10] = [
        Self::NoInput,
        Self::Full,
        Self::NoEngine,
        Self::NoPublisher,
        Self::TooLarge,
        Self::NoLabel,
        Self::Policy,
        Self::DiskFull,
        Self::Draining,
        Self::Other,
    ];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoInput => "no-input",
            Self::Full => "full",
            Self::NoEngine => "no-engine",
            Self::NoPublisher => "no-publisher",
            Self::TooLarge => "too-large",
            Self::NoLabel => "no-label",
            Self::Policy => "policy",
            Self::DiskFull => "disk-full",
            Self::Draining => "draining",
            Self::Other => "other",
        }
    }

    /// The reason with this name.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.name() == name).unwrap_or(Self::Other)
    }

    /// Singular and plural phrase.
    fn phrases(self) -> (&'static str, &'static str) {
        match self {
            Self::NoInput => ("lacks the input", "lack the input"),
            Self::Full => ("is full", "are full"),
            Self::NoEngine => ("has no engine", "have no engine"),
            Self::NoPublisher => ("does not have the publisher", "do not have the publisher"),
            Self::TooLarge => ("gives one job less than it asks for", "give one job less than it asks for"),
            Self::NoLabel => ("does not have the labels", "do not have the labels"),
            Self::Policy => ("rejects it by its policy", "reject it by their policy"),
            Self::DiskFull => ("has a full disk", "have a full disk"),
            Self::Draining => ("is shutting down", "are shutting down"),
            Self::Other => ("gave another reason", "gave another reason"),
        }
    }
}

/// A summary of declines: `6 nodes: 3 lack the input, 2 are full, 1 has no engine`.
pub fn declines_in_words(reasons: impl Iterator<Item = DeclineReason>) -> Option<String> {
    let mut counts: BTreeMap<DeclineReason, usize> = BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason).or_default() += 1;
    }
    let nodes: usize = counts.values().sum();
    let mut counts: Vec<(DeclineReason, usize)> = counts.into_iter().collect();
    // Stable: equal counts stay in the order of the reasons.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(reason, count)| {
            let (one, several) = reason.phrases();
            format!("{count} {}", if count == 1 { one } else { several })
        })
        .collect();
    (nodes > 0).then(|| format!("{nodes} {}: {}", if nodes == 1 { "node" } else { "nodes" }, parts.join(", ")))
}

impl fmt::Display for DeclineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_the_most_frequent_first() {
        use DeclineReason::{Full, NoEngine, NoInput};
        let words = |reasons: &[DeclineReason]| declines_in_words(reasons.iter().copied());
        let all = [NoEngine, Full, NoInput, NoInput, Full, NoInput];
        assert_eq!(words(&all).as_deref(), Some("6 nodes: 3 lack the input, 2 are full, 1 has no engine"));
        assert_eq!(words(&[NoInput]).as_deref(), Some("1 node: 1 lacks the input"));
        assert_eq!(words(&[]), None);
    }

    #[test]
    fn every_reason_has_a_name_and_an_unknown_one_is_another() {
        for reason in DeclineReason::ALL {
            assert_eq!(DeclineReason::of(reason.name()), reason);
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
        assert_eq!(DeclineReason::of("on-holiday"), DeclineReason::Other);
    }
}
