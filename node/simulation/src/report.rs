//! The report of a simulation.

use std::collections::BTreeMap;
use std::fmt;

use libp2p::PeerId;

use super::Behaviour;
use bacalhau_job::{JobRecord, JobState, Rule};
use bacalhau_protocol::Message;

/// The outcome of a simulation. Equal configurations have equal reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// A hash of everything that happened, in order.
    pub trace: u64,
    /// Number of events.
    pub events: u64,
    /// Virtual time in which they did.
    pub virtual_ms: u64,
    /// Final states of jobs, without those of permanently failed requesters.
    pub jobs: BTreeMap<JobState, usize>,
    /// Number of jobs whose requesters failed permanently.
    pub orphans: usize,
    /// Which rules decided verdicts.
    pub rules: BTreeMap<String, usize>,
    /// Why shards failed, with `#` for numbers.
    pub failures: BTreeMap<String, usize>,
    /// Messages that were transmitted, each try by itself, by kind.
    pub messages: BTreeMap<&'static str, u64>,
    /// Announcements that arrived, also at nodes that had no use for them.
    pub announced: u64,
    /// Faulty nodes.
    pub cheats: BTreeMap<PeerId, Behaviour>,
    /// Number of crashes.
    pub crashes: u64,
    /// Violated invariants; empty on success.
    pub violations: Vec<String>,
    /// All jobs, in the order in which they were submitted, if they are kept.
    pub records: Vec<JobRecord>,
}

/// Maximum reported violations.
const MAX_VIOLATIONS: usize = 20;

/// Maximum length by which reasons are distinguished.
const MAX_WORDS: usize = 80;

impl Report {
    /// Messages of all kinds.
    pub fn messages_in_all(&self) -> u64 {
        self.messages.values().sum()
    }

    pub(super) fn violation(&mut self, what: String) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(what);
        }
    }

    pub(super) fn failed(&mut self, why: &str) {
        let mut words = String::new();
        for letter in why.chars().take(MAX_WORDS) {
            match letter {
                '0'..='9' if words.ends_with('#') => {}
                '0'..='9' => words.push('#'),
                _ => words.push(letter),
            }
        }
        *self.failures.entry(words).or_default() += 1;
    }

    pub(super) fn decided(&mut self, rule: Rule) {
        *self.rules.entry(format!("{rule:?}")).or_default() += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, trace {:016x}", self.seed, self.trace)?;
        writeln!(
            f,
            "{} events in {} s of virtual time, {} crashes",
            self.events,
            self.virtual_ms / 1000,
            self.crashes
        )?;
        writeln!(f, "jobs {:?}, orphans {}", self.jobs, self.orphans)?;
        writeln!(f, "verdicts {:?}", self.rules)?;
        writeln!(f, "announcements {}, messages {}: {:?}", self.announced, self.messages_in_all(), self.messages)?;
        for (why, count) in &self.failures {
            writeln!(f, "{count} shards failed: {why}")?;
        }
        for violation in &self.violations {
            writeln!(f, "VIOLATION: {violation}")?;
        }
        Ok(())
    }
}

/// Name of a kind of message.
pub(super) fn kind(message: &Message) -> &'static str {
    match message {
        Message::Bid(_) => "bid",
        Message::Withdraw(_) => "withdraw",
        Message::Decline(_) => "decline",
        Message::Receipt(_) => "receipt",
        Message::Committed(_) => "committed",
        Message::Reveal(_) => "reveal",
        Message::Accept(_) => "accept",
        Message::Reject(_) => "reject",
        Message::Running(_) => "running",
        Message::Proposal(_) => "proposal",
        Message::Failed(_) => "failed",
        Message::Verdict(_) => "verdict",
        Message::Evidence(_) => "evidence",
        Message::Published(_) => "published",
        Message::Collected(_) => "collected",
        Message::Cancel(_) => "cancel",
        Message::Spec { .. } => "spec",
        Message::Log { .. } => "log",
        Message::Publications { .. } => "publications",
    }
}
