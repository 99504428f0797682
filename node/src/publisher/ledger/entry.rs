//! One publication that goes on: what everybody may know of it, and what its publisher has to know.

use bacalhau_runtime::{Publication, PublicationStep};
use libp2p::PeerId;
use serde::{Deserialize, Serialize};

use super::super::estuary::Pin;
use super::super::filecoin::Deal;
use crate::job::ExecutionId;

/// Steps of a publication, at most: they travel in receipts, and a requester keeps 64 KiB for all publications of an
/// execution.
pub(super) const MAX_STEPS: usize = 32;
/// The steps that stay when there are more, beside the latest: how it began.
pub(super) const FIRST_STEPS: usize = 4;
/// Bytes of what a step says, at most. Some of it is what a service says.
pub(super) const MAX_TEXT_BYTES: usize = 400;
/// Bytes of the name of a state, at most.
const MAX_STATE_BYTES: usize = 24;

/// The state of a publication whose last step did not work.
const WAITING: &str = "waiting";
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
    /// Somebody has yet to fetch the results from this node: a command that is about to end waits until they have.
    pub needs_node: bool,
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
    Filecoin(Box<Deal>),
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
    /// The state of a publication that came to nothing.
    pub const FAILED: &'static str = "failed";

    /// A publication of the results `h1` that is to begin at once, of a job of `requester`.
    pub fn new(
        execution: ExecutionId,
        requester: PeerId,
        h1: &str,
        mut publication: Publication,
        matter: Matter,
    ) -> Self {
        publication.publisher = matter.publisher().into();
        Self {
            execution,
            requester,
            h1: h1.into(),
            publication,
            matter,
            needs_node: true,
            next_ms: 0,
            failures: 0,
            ended: false,
        }
    }

    /// Its name: that of its file, and the one by which people ask for it.
    pub fn name(&self) -> String {
        name(self.matter.publisher(), self.execution)
    }

    /// Notes a step, once: the same state with the same words again is no other step. What is too long is cut; of too many
    /// steps, those in the middle go.
    pub fn step(&mut self, at_ms: u64, state: &str, text: impl AsRef<str>) {
        let (state, text) = (cut(state, MAX_STATE_BYTES), cut(text.as_ref(), MAX_TEXT_BYTES));
        let steps = &mut self.publication.steps;
        if steps.last().is_some_and(|last| last.state == state && last.text == text) {
            return;
        }
        steps.push(PublicationStep { at_ms, state, text });
        if steps.len() > MAX_STEPS {
            steps.remove(FIRST_STEPS);
        }
    }

    /// Notes that it could not go on, and why: the latest reason only.
    pub fn wait(&mut self, at_ms: u64, why: impl AsRef<str>) {
        let steps = &mut self.publication.steps;
        if let Some(waiting) = steps.pop_if(|last| last.state == WAITING)
            && waiting.text == cut(why.as_ref(), MAX_TEXT_BYTES)
        {
            steps.push(waiting);
        } else {
            self.step(at_ms, WAITING, why);
        }
    }

    /// Notes that it came to nothing, and why.
    pub fn fail(&mut self, at_ms: u64, why: impl AsRef<str>) {
        self.step(at_ms, Self::FAILED, why);
    }

    /// Whether it came to nothing.
    pub fn has_failed(&self) -> bool {
        self.ended && self.state() == Self::FAILED
    }

    /// The state that the last step came to.
    pub fn state(&self) -> &str {
        self.publication.steps.last().map_or("begun", |step| &step.state)
    }
}

/// `text`, or as much of it as has room in `bytes`.
fn cut(text: &str, bytes: usize) -> String {
    const MORE: &str = "…";
    if text.len() <= bytes {
        return text.into();
    }
    let end = text.floor_char_boundary(bytes - MORE.len());
    format!("{}{MORE}", &text[..end])
}
