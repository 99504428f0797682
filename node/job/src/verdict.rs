//! The verdict of a vote, as data. `verify` decides it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The result of a vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// The rule that decided.
    pub rule: Rule,
    /// Groups of equal results, largest first, ties by hash. Each execution is once in a group or in `absent`.
    pub groups: Vec<Group>,
    /// Executions without a proposal.
    pub absent: Vec<u16>,
    /// Number of runs that the job asked for; an audited job asks for 2. 0 in records of earlier versions.
    #[serde(default)]
    pub asked: u16,
    /// Number of runs that proposed a result, readable or not. 0 in records of earlier versions.
    #[serde(default)]
    pub had: u16,
}

/// The rule that decided a vote. All but the first leave the result unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The largest group won.
    LargestGroup,
    /// The deal has a single run.
    OneRun,
    /// No execution proposed anything.
    NoProposal,
    /// No two results are equal.
    Alone,
    /// Another group is as large as the largest.
    Draw,
    /// The largest group is of proposals that could not be read.
    Unreadable,
    /// The largest group agrees on the results, but no claim is the most frequent in it.
    Disputed,
    /// The largest group has fewer members than the deal's confidence.
    BelowConfidence,
    /// The verifier does not compare anything.
    NotCompared,
}

impl Rule {
    /// Description of the rule.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::LargestGroup => "the largest group of equal results wins",
            Self::OneRun => "a single run cannot be verified",
            Self::NoProposal => "no run has a result",
            Self::Alone => "no two runs have the same result",
            Self::Draw => "two groups of runs are equally large",
            Self::Unreadable => "most proposals could not be read",
            Self::Disputed => "claims inside the largest group are tied",
            Self::BelowConfidence => "fewer runs agree than --confidence requires",
            Self::NotCompared => "the noop verifier compares nothing",
        }
    }
}

impl Verdict {
    /// The verdict of `rule` on proposals in `groups`, for a job that asked for `asked` runs.
    pub fn new(rule: Rule, groups: Vec<Group>, absent: Vec<u16>, asked: u16) -> Self {
        let had = groups.iter().map(|group| group.executions.len() + group.faulty.len()).sum::<usize>();
        Self { rule, groups, absent, asked, had: u16::try_from(had).unwrap_or(u16::MAX) }
    }

    /// The number of runs asked for and had, for people. `None` for records of earlier versions.
    pub fn runs_in_words(&self) -> Option<String> {
        let Self { asked, had, .. } = self;
        (*asked > 0).then(|| format!("{asked} asked, {had} with a result"))
    }

    /// What to add to a sentence about `runs` runs where the job asked for more; else nothing.
    pub fn short_of(&self, runs: usize) -> String {
        if usize::from(self.asked) > runs { format!(", {} were asked for", self.asked) } else { String::new() }
    }

    /// The group that won: its members' result is verified.
    pub fn winner(&self) -> Option<&Group> {
        self.groups.first().filter(|_| self.rule == Rule::LargestGroup)
    }

    /// The execution whose result is accepted for the job: the first of [`standing`](Self::standing).
    pub fn chosen(&self) -> Option<u16> {
        self.standing().first().copied()
    }

    /// The executions with accepted results, ascending: the winners, or without a comparison all readable ones.
    pub fn standing(&self) -> Vec<u16> {
        match self.rule {
            Rule::LargestGroup => self.winner().map_or_else(Vec::new, |group| group.executions.clone()),
            Rule::OneRun | Rule::NotCompared => {
                let readable = self.groups.iter().filter(|group| !group.h1.is_empty());
                let mut standing: Vec<u16> = readable.flat_map(|group| group.executions.iter().copied()).collect();
                standing.sort_unstable();
                standing
            }
            Rule::NoProposal | Rule::Alone | Rule::Draw | Rule::Unreadable | Rule::Disputed | Rule::BelowConfidence => {
                Vec::new()
            }
        }
    }
}

/// Executions that propose the same results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// The hash; empty for proposals that could not be read.
    pub h1: String,
    /// The counted executions, ascending. Their claims are equal, unless the group is disputed.
    pub executions: Vec<u16>,
    /// Executions with these results but another claim than most of the group. They are not counted.
    pub faulty: Vec<u16>,
    /// If no claim is the most frequent, the faulty ones are unknown, and the group cannot win: the executions whose
    /// claim differs from the first one's. Empty in every other group.
    pub disputed: Vec<u16>,
}
