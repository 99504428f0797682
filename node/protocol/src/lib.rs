//! Messages between nodes: announcements to all nodes, and messages from one node to another, with encoding, signatures
//! and limits. `requester` and `compute` decide who may send what, and the consequences. PROTOCOL.md describes them.

mod announcement;
mod asking;
mod check;
mod codec;
mod message;
mod send_error;
mod signed;
mod spec;

pub use announcement::Announcement;
pub use asking::ALL_NODES;
pub use check::AnnouncementError;
pub use codec::{Wire, WireError};
pub use message::{
    Accept, Ballot, Bid, Cancel, Collected, Committed, Decline, Envelope, Evidence, Failed, Later, Message, Proposal,
    Published, Refusal, Reject, Reply, Reveal, Running, VerdictNotice, Versions, Withdraw,
};
pub use send_error::SendError;
pub use signed::MAX_SIGNED_BYTES;
pub use spec::{SpecBytesError, read_spec};

/// Protocol version. Nodes of other versions do not exchange jobs.
pub const PROTOCOL_VERSION: u32 = 1;
/// The request-response protocol of messages.
pub const MESSAGES: &str = "/bacalhau/messages/1";
/// Default heartbeat timeout in milliseconds, if the accept message has none.
pub const DEFAULT_SILENCE_MS: u64 = 60_000;
/// Maximum size of an announcement in bytes: a job of up to 16 KiB, or a brief, and versions of the requester.
pub const MAX_ANNOUNCEMENT_BYTES: usize = 32 << 10;
/// Bytes of the spec of a job at most: a request, and the inputs of its shards.
pub const MAX_SPEC_BYTES: usize = 1 << 20;
/// Bytes of a message at most. Receipts are the largest; one that does not fit is left out of its message.
pub const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// Bytes of a reply at most: a part of a log, or the spec of a job with its seal.
pub const MAX_REPLY_BYTES: usize = MAX_SPEC_BYTES + (64 << 10);
/// Bytes of a sealed proposal at most. An honest one has some 600.
pub const MAX_SEALED_BYTES: usize = 4 << 10;
