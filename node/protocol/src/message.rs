//! The messages. Each names its job and, if applicable, its execution; the envelope names sender and recipient.
//! Canonical DAG-CBOR; messages with other fields are rejected.

use bacalhau_receipt::{CallTrail, Outcome, Publication, Receipt, bounded};
use bacalhau_tree::Link;
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use bacalhau_job::{
    BidReceipt, Delivery, ExecutionId, FailureKind, Hash256, JobId, MinerClaim, Secret, ShardRuns, SignedCommitment,
};

/// Protocol version and profiles of a node. Exchanged with announcements and bids: nodes bid only on profiles that they
/// run bit-exactly, and accept only bids of their protocol version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// The program's version, for people.
    pub semver: String,
    /// Protocol version: [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION).
    pub protocol: u32,
    /// Profiles that it runs bit-exactly.
    #[schema(value_type = Vec<String>)]
    pub profiles: Vec<Link>,
}

/// A message on its way. It travels signed; see `sealed` and the transport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The sender. Must be the signer and the connected peer.
    pub from: PeerId,
    /// The recipient. Other recipients reject it.
    pub to: PeerId,
    /// The message.
    pub message: Message,
}

/// A message from one node to another.
#[expect(clippy::large_enum_variant, reason = "most messages are small, and few are alive at once")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// Provider to requester: I would run these shards.
    Bid(Bid),
    /// Provider to requester: no longer.
    Withdraw(Withdraw),
    /// Provider to requester: no bid, with the reason. Only if the announcement asks for it.
    Decline(Decline),
    /// Requester to provider, in a fair draw: receipt of the bid.
    Receipt(BidReceipt),
    /// Requester to provider: the set of a fair draw, before its randomness is known.
    Committed(Committed),
    /// Provider to requester: its secret for a fair draw.
    Reveal(Reveal),
    /// Requester to provider: run this.
    Accept(Accept),
    /// Requester to provider: no need, for these shards.
    Reject(Reject),
    /// Provider to requester: it runs.
    Running(Running),
    /// Provider to requester: the encrypted hash of the results.
    Proposal(Proposal),
    /// Provider to requester: the execution failed.
    Failed(Failed),
    /// Requester to provider: the verdict, and whether to publish.
    Verdict(VerdictNotice),
    /// Provider to requester, after the verdict: the receipt and the trail of calls.
    Evidence(Evidence),
    /// Provider to requester: where the results are.
    Published(Published),
    /// Requester to provider: the published results were verified, and need not be kept for the requester.
    Collected(Collected),
    /// Requester to provider: the job was taken back, or has ended without this execution.
    Cancel(Cancel),
    /// Requester to provider: the log of an execution from an offset on. The answer is [`Reply::Log`].
    Log {
        /// The execution.
        execution: ExecutionId,
        /// Standard error rather than standard output.
        stderr: bool,
        /// The first byte that is wanted.
        offset: u64,
    },
    /// Provider to requester: asks for the spec of a job that was announced without it. The reply is [`Reply::Spec`].
    /// For a private job, only nodes with an accepted bid receive it.
    Spec {
        /// Job id.
        job: JobId,
    },
    /// Requester to provider: asks for the state of asynchronous publications. The reply is [`Reply::Publications`].
    Publications {
        /// The execution.
        execution: ExecutionId,
    },
}

/// An offer for some shards of a job. Capacity for them is reserved until it is answered, or the bidding is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bid {
    /// The job.
    pub job: JobId,
    /// Its shards that are offered for, ascending.
    pub shards: Vec<u32>,
    /// Versions of the bidder.
    pub versions: Versions,
    /// The bidder's Filecoin storage provider. Only if the job's deal distinguishes bidders by operator: nodes without
    /// that rule do not know this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<MinerClaim>,
    /// The bidder's commitment in a fair draw: the root of its secrets. Only in bids for jobs with such a draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Hash256>,
}

/// Hashes of a path in the tree of a set, at most: enough for any number of bidders.
const MAX_PATH: usize = 32;

/// The set of a fair draw is fixed, and the receiver is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Committed {
    /// The signed commitment, equal for all bidders of the set.
    pub signed: SignedCommitment,
    /// The place of the receiver in the set, from 0.
    pub place: u32,
    /// The shards for which it is drawn.
    pub shards: ShardRuns,
    /// Hashes that lead from its entry to the root.
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_PATH>")]
    pub path: Vec<Hash256>,
}

/// The secret of a bidder, once the set is fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// The job.
    pub job: JobId,
    /// The draw, as its commitment numbers it.
    pub round: u16,
    /// The revealed secret.
    pub secret: Secret,
}

/// An offer that is taken back, before it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// The job.
    pub job: JobId,
    /// Shard numbers.
    pub shards: Vec<u32>,
    /// The reason.
    pub why: String,
}

/// No bid. It is sent once, and may be lost: the requester only counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decline {
    /// The job.
    pub job: JobId,
    /// Name of a [`DeclineReason`](bacalhau_job::DeclineReason). Unknown names count as `other`.
    pub reason: String,
    /// When the provider expects to have capacity, for the reason `full`. Only if the announcement takes it: nodes of
    /// earlier versions do not know this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<Later>,
}

/// A provider would run a job, and its capacity is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// Number of jobs that wait for capacity of the provider before this one.
    pub ahead: u32,
    /// Estimated milliseconds until there is capacity; absent where no execution has ended yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_ms: Option<u64>,
}

/// A bid is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The execution that it becomes.
    pub execution: ExecutionId,
    /// After how many milliseconds without a [`Running`] message the requester gives the execution up. The provider
    /// sends one in every third of it. Absent: [`DEFAULT_SILENCE_MS`](super::DEFAULT_SILENCE_MS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_ms: Option<u64>,
}

impl Accept {
    /// Accepts a bid as `execution` with the heartbeat timeout `silence_ms`. The default is omitted, so that providers
    /// without this field accept the message.
    pub fn new(execution: ExecutionId, silence_ms: u64) -> Self {
        Self { execution, silence_ms: Some(silence_ms).filter(|silence_ms| *silence_ms != super::DEFAULT_SILENCE_MS) }
    }

    /// The silence that the requester allows, in milliseconds.
    pub fn silence_ms(&self) -> u64 {
        self.silence_ms.unwrap_or(super::DEFAULT_SILENCE_MS)
    }
}

/// Bids are not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// The job.
    pub job: JobId,
    /// Shard numbers.
    pub shards: Vec<u32>,
}

/// An execution has begun, or still runs: the first one, and the heartbeats after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// The execution.
    pub execution: ExecutionId,
}

/// The encrypted result of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The execution.
    pub execution: ExecutionId,
    /// A [`Ballot`], encrypted to the requester.
    #[serde(with = "bytes_as_cbor")]
    pub sealed: Vec<u8>,
}

/// The encrypted content. It names everything it is bound to, so that it cannot be reused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ballot {
    /// Job, shard and number.
    pub execution: ExecutionId,
    /// Peer id of the provider.
    pub provider: PeerId,
    /// Peer id of the requester.
    pub requester: PeerId,
    /// 16 random bytes in hexadecimal, so that the content cannot be guessed and compared.
    pub salt: String,
    /// Hash of the results, which is voted for.
    pub h1: String,
    /// CID of the claim, which must be equal in a group.
    pub claim: Link,
    /// How the program ended.
    pub outcome: Outcome,
    /// Fuel used.
    pub fuel: u64,
}

/// An execution without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// The execution.
    pub execution: ExecutionId,
    /// Kind of failure.
    pub kind: FailureKind,
    /// The reason, in the provider's words. Never part of a result.
    pub why: String,
}

/// The decision about an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictNotice {
    /// The execution.
    pub execution: ExecutionId,
    /// Whether it is in the winning group, or accepted without a vote.
    pub won: bool,
    /// Whether its results are to be published now. May come later, when another winner could not.
    pub publish: bool,
    /// Whether the requester wants the evidence.
    pub evidence: bool,
}

/// Evidence of an execution for its proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The execution.
    pub execution: ExecutionId,
    /// Its signed receipt; absent where that is too large for a message.
    pub receipt: Option<Receipt>,
    /// Its host calls.
    pub calls: CallTrail,
}

/// Published results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The execution.
    pub execution: ExecutionId,
    /// How the requester gets them; or why they are not available after all.
    pub delivery: Result<Delivery, String>,
    /// Public places of the results, by the job's publishers.
    pub publications: Vec<Publication>,
}

/// Results have been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collected {
    /// The execution.
    pub execution: ExecutionId,
}

/// Cancelled executions and bids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The job: all that the receiver has of it.
    pub job: JobId,
    /// One shard of it only.
    pub shard: Option<u32>,
    /// The reason.
    pub why: String,
}

/// The reply to a message: whether it was accepted, not its consequences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Accepted.
    Taken,
    /// Rejected; resending is useless.
    Refused(Refusal),
    /// Part of a log.
    Log {
        /// Bytes from the offset on; empty when there are none yet.
        #[serde(with = "bytes_as_cbor")]
        bytes: Vec<u8>,
        /// Whether there will be no more.
        ended: bool,
    },
    /// The spec of a job: its canonical bytes, which hash to the announced CID. For a private job they are encrypted to
    /// the asking node.
    Spec {
        /// The spec's bytes.
        #[serde(with = "bytes_as_cbor")]
        bytes: Vec<u8>,
    },
    /// Publications of an execution, with their steps so far.
    Publications(Vec<Publication>),
}

/// Why a message is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No such job or execution here.
    Unknown,
    /// The sender is not a party of it.
    NotYours,
    /// Not valid in the current state.
    OutOfTurn,
    /// Over the rate limit.
    OverBudget,
}

impl Message {
    /// Whether the sender forgets its subject afterwards: then the message is persisted until delivery. All other
    /// messages are repeated after a restart.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Cancel(_) | Self::Collected(_) | Self::Failed(_) => true,
            Self::Verdict(notice) => !notice.won,
            _ => false,
        }
    }

    /// The job that it is about.
    pub fn job(&self) -> JobId {
        match self {
            Self::Bid(bid) => bid.job,
            Self::Withdraw(withdraw) => withdraw.job,
            Self::Decline(decline) => decline.job,
            Self::Receipt(receipt) => receipt.job,
            Self::Committed(committed) => committed.signed.commitment.job,
            Self::Reveal(reveal) => reveal.job,
            Self::Reject(reject) => reject.job,
            Self::Cancel(cancel) => cancel.job,
            Self::Spec { job } => *job,
            Self::Accept(Accept { execution, .. })
            | Self::Running(Running { execution })
            | Self::Collected(Collected { execution })
            | Self::Proposal(Proposal { execution, .. })
            | Self::Failed(Failed { execution, .. })
            | Self::Verdict(VerdictNotice { execution, .. })
            | Self::Evidence(Evidence { execution, .. })
            | Self::Published(Published { execution, .. })
            | Self::Log { execution, .. }
            | Self::Publications { execution } => execution.job,
        }
    }
}

/// Byte strings as CBOR has them, and not lists of numbers.
mod bytes_as_cbor {
    use std::fmt;

    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = seq.next_element()? {
                bytes.push(byte);
            }
            Ok(bytes)
        }
    }
}
