//! What nodes say to each other: announcements to everybody, messages from one to one. Encoding, signing and the bounds
//! of both are here; who may say what, and what follows, is decided by `requester` and `compute`. PROTOCOL.md says it in
//! words.

mod announcement;
mod asking;
mod check;
mod codec;
mod message;
#[cfg(test)]
pub(crate) mod samples;
mod signed;
mod spec;
#[cfg(test)]
mod tests;

pub use announcement::Announcement;
pub use asking::ALL_NODES;
pub use check::AnnouncementError;
pub use codec::{Wire, WireError};
pub use message::{
    Accept, Ballot, Bid, Cancel, Collected, Committed, Decline, Delivery, Envelope, Evidence, Failed, FailureKind,
    Message, Proposal, Published, Refusal, Reject, Reply, Reveal, Running, VerdictNotice, Versions, Withdraw,
};
pub use signed::{MAX_SIGNED_BYTES, ed25519_of};
pub use spec::{SpecBytesError, read_spec};

/// The version of this protocol: nodes of another one are no peers for jobs.
pub const PROTOCOL_VERSION: u32 = 1;
/// The request-response protocol of messages.
pub const MESSAGES: &str = "/bacalhau/messages/1";
/// How long an execution may be silent where its acceptance does not say, in milliseconds.
pub const DEFAULT_SILENCE_MS: u64 = 60_000;
/// Bytes of an announcement at most: a job of up to 16 KiB, or a brief; and what the requester speaks.
pub const MAX_ANNOUNCEMENT_BYTES: usize = 32 << 10;
/// Bytes of the spec of a job at most: a request, and the inputs of its shards.
pub const MAX_SPEC_BYTES: usize = 1 << 20;
/// Bytes of a message at most. Receipts are the largest; one that does not fit is left out of its message.
pub const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// Bytes of a reply at most: a part of a log, or the spec of a job with its seal.
pub const MAX_REPLY_BYTES: usize = MAX_SPEC_BYTES + (64 << 10);
/// Bytes of a sealed proposal at most. An honest one has some 600.
pub const MAX_SEALED_BYTES: usize = 4 << 10;
