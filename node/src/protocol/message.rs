//! The messages. Every one names its job and, where it is about one, the execution; the envelope names who sends it and to
//! whom. Canonical DAG-CBOR; what is not as described here is refused whole.

use bacalhau_runtime::{CallTrail, Link, Outcome, Publication, Receipt, bounded};
use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::job::{BidReceipt, ExecutionId, Hash256, JobId, MinerClaim, Secret, ShardRuns, SignedCommitment};

/// What a node speaks and runs. Exchanged with announcements and bids: nobody bids on a profile that it cannot run
/// bit-exactly, nobody accepts a bid of another protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// The program's version, for people.
    pub semver: String,
    /// [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION).
    pub protocol: u32,
    /// Profiles that it runs bit-exactly.
    #[schema(value_type = Vec<String>)]
    pub profiles: Vec<Link>,
}

/// A message on its way. It travels signed; see `sealed` and the transport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Who says it. Must be who signs, and who is connected.
    pub from: PeerId,
    /// To whom. A message for somebody else is no message.
    pub to: PeerId,
    /// What.
    pub message: Message,
}

/// From one node to another.
#[expect(clippy::large_enum_variant, reason = "most messages are small, and few are alive at once")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// Provider to requester: I would run these shards.
    Bid(Bid),
    /// Provider to requester: no longer.
    Withdraw(Withdraw),
    /// Provider to requester: no bid, and why. Only where an announcement asks for it.
    Decline(Decline),
    /// Requester to provider, in a fair draw: the bid came.
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
    /// Provider to requester: the sealed hash of what came of it.
    Proposal(Proposal),
    /// Provider to requester: nothing came of it.
    Failed(Failed),
    /// Requester to provider: what was decided, and whether to publish.
    Verdict(VerdictNotice),
    /// Provider to requester, after the verdict: the receipt and the trail of calls.
    Evidence(Evidence),
    /// Provider to requester: where the results are.
    Published(Published),
    /// Requester to provider: what was published has been checked; results need not be kept for the requester any longer.
    Collected(Collected),
    /// Requester to provider: the job was taken back, or has ended without this execution.
    Cancel(Cancel),
    /// Requester to provider: the log of an execution from an offset on. The answer is [`Reply::Log`].
    Log {
        /// Of which execution.
        execution: ExecutionId,
        /// Standard error rather than standard output.
        stderr: bool,
        /// The first byte that is wanted.
        offset: u64,
    },
    /// Provider to requester: the spec of a job that was announced without it. The answer is [`Reply::Spec`]. Of a private
    /// job, only nodes whose bids were accepted get it.
    Spec {
        /// Of which job.
        job: JobId,
    },
    /// Requester to provider: what has become of publications that take their time. The answer is
    /// [`Reply::Publications`].
    Publications {
        /// Of which execution.
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
    /// What the bidder speaks and runs.
    pub versions: Versions,
    /// The storage provider of Filecoin that the bidder belongs to. Only where the job's deal tells bidders apart by
    /// operator: nodes that do not know that rule do not know this field either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<MinerClaim>,
    /// What the bidder is bound to reveal in a fair draw: the root of its secrets. Only in bids for jobs with such a draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Hash256>,
}

/// Hashes of a path in the tree of a set, at most: enough for any number of bidders.
const MAX_PATH: usize = 32;

/// The set of a fair draw is fixed, and the receiver is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Committed {
    /// What the requester signed: the same for all bidders of the set.
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
    /// The secret.
    pub secret: Secret,
}

/// An offer that is taken back, before it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// The job.
    pub job: JobId,
    /// The shards.
    pub shards: Vec<u32>,
    /// Why.
    pub why: String,
}

/// No bid. It is sent once, and may be lost: the requester only counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decline {
    /// The job.
    pub job: JobId,
    /// The name of a [`DeclineReason`](crate::job::DeclineReason). A name that the requester does not know counts as `other`.
    pub reason: String,
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
    /// Accepts a bid as `execution`, which may be silent for `silence_ms`. The default is not written out, so that
    /// providers that do not know the field take the message.
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
    /// The shards.
    pub shards: Vec<u32>,
}

/// An execution has begun, or still runs: the first one, and the heartbeats after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// Which.
    pub execution: ExecutionId,
}

/// What an execution came to, under seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Which execution.
    pub execution: ExecutionId,
    /// A [`Ballot`], encrypted to the requester.
    #[serde(with = "bytes_as_cbor")]
    pub sealed: Vec<u8>,
}

/// What is under the seal. It names everything that it is bound to, so that it is of no use to anybody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ballot {
    /// Job, shard and number.
    pub execution: ExecutionId,
    /// Who ran it.
    pub provider: PeerId,
    /// For whom.
    pub requester: PeerId,
    /// 16 random bytes in hexadecimal: nobody can guess the rest and compare.
    pub salt: String,
    /// The hash of the results: what is voted for.
    pub h1: String,
    /// CID of the claim, which has to be the same in all of a group.
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
    /// Which.
    pub execution: ExecutionId,
    /// Whose failure it is.
    pub kind: FailureKind,
    /// What happened, in words of the provider's. Never part of a result.
    pub why: String,
}

/// Why an execution has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The provider's machine could not do its part: another may.
    Host,
    /// Every machine would refuse this module or job.
    Refused,
    /// The provider does not run it after all: cancelled, shut down, no capacity.
    Withdrawn,
}

/// What was decided about an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictNotice {
    /// Which.
    pub execution: ExecutionId,
    /// Whether it is in the group that won, or stands without a vote.
    pub won: bool,
    /// Whether its results are to be published now. May come later, when another winner could not.
    pub publish: bool,
    /// Whether the requester wants the evidence.
    pub evidence: bool,
}

/// What an execution can show for its proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Which.
    pub execution: ExecutionId,
    /// Its signed receipt; absent where that is too large for a message.
    pub receipt: Option<Receipt>,
    /// Its host calls.
    pub calls: CallTrail,
}

/// Results are available.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Of which execution.
    pub execution: ExecutionId,
    /// How the requester gets them; or why they are not available after all.
    pub delivery: Result<Delivery, String>,
    /// Where everybody gets them, by the job's publisher.
    pub publications: Vec<Publication>,
}

/// How a requester gets results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// As a DAG from the provider, over Bitswap.
    Dag(Link),
    /// As a directory that both can open: for nodes of one process.
    Directory(String),
}

/// Results have been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collected {
    /// Of which execution.
    pub execution: ExecutionId,
}

/// Executions and bids that are no longer wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The job: all that the receiver has of it.
    pub job: JobId,
    /// One shard of it only.
    pub shard: Option<u32>,
    /// Why.
    pub why: String,
}

/// The answer to a message. It says that the message was taken, not what comes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Taken.
    Taken,
    /// Not taken, and there is no use in sending it again.
    Refused(Refusal),
    /// Part of a log.
    Log {
        /// Bytes from the offset on; empty where there are none yet.
        #[serde(with = "bytes_as_cbor")]
        bytes: Vec<u8>,
        /// Whether there will be no more.
        ended: bool,
    },
    /// The spec of a job: its canonical bytes, which hash to the announced CID. Those of a private job are sealed to the node
    /// that has asked.
    Spec {
        /// The bytes.
        #[serde(with = "bytes_as_cbor")]
        bytes: Vec<u8>,
    },
    /// Publications of an execution, with their steps so far.
    Publications(Vec<Publication>),
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No such job or execution here.
    Unknown,
    /// The sender has no say in it.
    NotYours,
    /// It makes no sense at this point.
    OutOfTurn,
    /// Too many.
    OverBudget,
}

impl Message {
    /// Whether its sender forgets what it is about once it is said: then it is kept on disk until it is taken. All other
    /// messages are said again after a restart.
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
