//! An asynchronous publication: its public part, and its publisher's state.

use bacalhau_receipt::{Publication, PublicationStep};
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};

use super::super::archives::Piece;
use super::super::estuary::Pin;
use super::super::filecoin::StorageDeal;
use super::super::pdp::WarmPiece;
use bacalhau_job::ExecutionId;

/// Maximum steps of a publication: they are part of receipts, and a requester keeps 64 KiB for all publications of an
/// execution.
pub(super) const MAX_STEPS: usize = 32;
/// First steps that are kept in addition to the latest ones.
pub(super) const FIRST_STEPS: usize = 4;
/// Maximum length of a step's text in bytes; services contribute to it.
pub(super) const MAX_TEXT_BYTES: usize = 400;
/// Maximum length of a state's name in bytes.
const MAX_STATE_BYTES: usize = 24;

/// An asynchronous publication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The execution with the results.
    pub execution: ExecutionId,
    /// Requester of its job, which may query it.
    pub requester: PeerId,
    /// Hash of the results.
    pub h1: String,
    /// The public part, with its steps.
    pub publication: Publication,
    /// State of its publisher.
    #[serde(rename = "matter")]
    pub state: PublisherState,
    /// Whether results must still be fetched from this node; commands wait for that before they exit.
    pub needs_node: bool,
    /// Next due time in Unix milliseconds.
    pub next_ms: u64,
    /// Number of failures in a row.
    pub failures: u32,
    /// Whether it has ended, with or without success.
    pub ended: bool,
}

/// State of a publication, by publisher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublisherState {
    /// A deal.
    Filecoin(Box<StorageDeal>),
    /// A pin.
    Estuary(Pin),
    /// A piece in warm storage.
    Pdp(Box<WarmPiece>),
}

impl PublisherState {
    pub(crate) const FILECOIN: &'static str = "filecoin";
    pub(crate) const ESTUARY: &'static str = "estuary";
    pub(crate) const PDP: &'static str = "pdp";

    /// Name of the publisher.
    pub fn publisher(&self) -> &'static str {
        match self {
            Self::Filecoin(_) => Self::FILECOIN,
            Self::Estuary(_) => Self::ESTUARY,
            Self::Pdp(_) => Self::PDP,
        }
    }

    /// The archive with its piece, of publishers that make one.
    pub(crate) fn piece(&self) -> Option<&Piece> {
        match self {
            Self::Filecoin(deal) => Some(&deal.piece),
            Self::Pdp(warm) => Some(&warm.piece),
            Self::Estuary(_) => None,
        }
    }
}

/// Name of the entry of `execution` with `publisher`; there is at most one.
pub(super) fn name(publisher: &str, execution: ExecutionId) -> String {
    let ExecutionId { job, shard, number } = execution;
    format!("{publisher}-{job}-{shard}-{number}")
}

impl Entry {
    /// State of a failed publication.
    pub const FAILED: &'static str = "failed";
    /// State after a step without progress.
    pub(crate) const WAITING: &'static str = "waiting";

    /// A publication of the results `h1` of a job of `requester`, to start at once.
    pub fn new(
        execution: ExecutionId,
        requester: PeerId,
        h1: &str,
        mut publication: Publication,
        state: PublisherState,
    ) -> Self {
        publication.publisher = state.publisher().into();
        Self {
            execution,
            requester,
            h1: h1.into(),
            publication,
            state,
            needs_node: true,
            next_ms: 0,
            failures: 0,
            ended: false,
        }
    }

    /// Name of the entry and of its file.
    pub fn name(&self) -> String {
        name(self.state.publisher(), self.execution)
    }

    /// Records a step. Repeating the same state and text adds nothing. Long texts are cut, and middle steps dropped
    /// above the maximum.
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

    /// Records the latest reason why it is waiting.
    pub fn wait(&mut self, at_ms: u64, why: impl AsRef<str>) {
        let steps = &mut self.publication.steps;
        if let Some(waiting) = steps.pop_if(|last| last.state == Self::WAITING)
            && waiting.text == cut(why.as_ref(), MAX_TEXT_BYTES)
        {
            steps.push(waiting);
        } else {
            self.step(at_ms, Self::WAITING, why);
        }
    }

    /// Records the failure and its reason.
    pub fn fail(&mut self, at_ms: u64, why: impl AsRef<str>) {
        self.step(at_ms, Self::FAILED, why);
    }

    /// Whether it has failed.
    pub fn has_failed(&self) -> bool {
        self.ended && self.state() == Self::FAILED
    }

    /// State of the last step.
    pub fn state(&self) -> &str {
        self.publication.steps.last().map_or("begun", |step| &step.state)
    }
}

/// `text`, cut to `bytes`.
fn cut(text: &str, bytes: usize) -> String {
    const MORE: &str = "…";
    if text.len() <= bytes {
        return text.into();
    }
    let end = text.floor_char_boundary(bytes - MORE.len());
    format!("{}{MORE}", &text[..end])
}
