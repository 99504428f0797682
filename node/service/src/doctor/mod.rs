//! Checks of a configuration on this machine, before a node is started with it or beside a running one. They change
//! nothing.

mod bids;
mod places;
mod ports;
mod system;

use std::fmt;

use serde::Serialize;

pub use bids::bids_on;

use crate::config::Config;
use crate::serving;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing to do.
    Good,
    /// The node works; something may be better otherwise.
    Note,
    /// The node would not start, or would not do what is configured.
    Problem,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// How serious it is.
    pub level: Level,
    /// What was found, and what to do.
    pub text: String,
}

impl Finding {
    fn good(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Good, text: text.into() }
    }

    fn note(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Note, text: text.into() }
    }

    fn problem(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Problem, text: text.into() }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
        })
    }
}

/// All checks of `config`, in the order in which a node would meet them.
pub fn examine(config: &Config) -> Vec<Finding> {
    let dir = match config.data_dir() {
        Ok(dir) => dir,
        Err(error) => return vec![Finding::problem("data directory", error.to_string())],
    };
    let is_served = serving::find(&dir).is_some();
    let mut findings = places::data_dir(&dir, config, is_served);
    findings.extend(ports::all(config, is_served));
    findings.extend(places::inputs(config));
    findings.extend(system::all(&dir, config));
    findings
}

#[cfg(test)]
mod tests;
