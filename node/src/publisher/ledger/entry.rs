//! One publication that goes on: what everybody may know of it, and what its publisher has to know.

use bacalhau_runtime::{Publication, PublicationStep};
use libp2p::PeerId;
use serde::{Deserialize, Serialize};

use super::super::estuary::Pin;
use super::super::filecoin::Deal;
use crate::job::ExecutionId;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Whose results.
    pub execution: ExecutionId,
    /// Whose job it was: it may ask for news.
    pub requester: PeerId,
    /// The hash of the results.
    pub h1: String,
    /// What everybody may know, with the steps so far.
    pub publication: Publication,
    /// What its publisher has to know.
    pub matter: Matter,
    /// When something is to be done again, in Unix milliseconds.
    pub next_ms: u64,
    /// How often in a row it did not work.
    pub failures: u32,
    /// Nothing more is to be done, for better or worse.
    pub ended: bool,
}

/// What the publishers have to know, each in its own words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matter {
    /// A deal.
    Filecoin(Deal),
    /// A pin.
    Estuary(Pin),
}

impl Matter {
    pub(super) const FILECOIN: &'static str = "filecoin";
    pub(super) const ESTUARY: &'static str = "estuary";

    /// The name of its publisher.
    pub fn publisher(&self) -> &'static str {
        match self {
            Self::Filecoin(_) => Self::FILECOIN,
            Self::Estuary(_) => Self::ESTUARY,
        }
    }
}

/// The name of the entry of `execution` with `publisher`: there is one at most.
pub(super) fn name(publisher: &str, execution: ExecutionId) -> String {
    let ExecutionId { job, shard, number } = execution;
    format!("{publisher}-{job}-{shard}-{number}")
}

impl Entry {
    /// Its name: that of its file, and the one by which people ask for it.
    pub fn name(&self) -> String {
        name(self.matter.publisher(), self.execution)
    }

    /// Notes a step, once: the same state with the same words again is no other step.
    pub fn step(&mut self, at_ms: u64, state: &str, text: impl Into<String>) {
        let text = text.into();
        let steps = &mut self.publication.steps;
        if !steps.last().is_some_and(|last| last.state == state && last.text == text) {
            steps.push(PublicationStep { at_ms, state: state.into(), text });
        }
    }

    /// The state that the last step came to.
    pub fn state(&self) -> &str {
        self.publication.steps.last().map_or("begun", |step| &step.state)
    }
}
