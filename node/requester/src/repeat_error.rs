//! Why the draws of a job do not repeat from its record.

use std::fmt;

use libp2p_identity::PeerId;

use bacalhau_job::Hash256;

/// A difference between a job's record and its draws, or missing data, with its place in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatError {
    /// Where it was found.
    pub at: RecordPart,
    /// The difference.
    pub mismatch: Mismatch,
}

/// A part of a job's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordPart {
    /// The announcement and the record as a whole.
    Job,
    /// A fair draw of the job, from 1.
    FairDraw(u16),
    /// A draw of a shard.
    Draw {
        /// Shard number.
        shard: u32,
        /// Counted from 1 in the shard.
        round: u16,
    },
    /// The audit of a shard.
    Audit(u32),
    /// The executions of a shard.
    Shard(u32),
}

/// A difference from the record, or missing data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Only one of announcement and record has a fair draw.
    Fairness,
    /// An execution is in no draw.
    NotDrawn(u16),
    /// The executions of a draw are not those after the earlier draws.
    NotNext,
    /// More executions than a shard can have.
    TooManyExecutions,
    /// The record lacks executions of the draw.
    MissingExecutions,
    /// The record lacks bids of the draw.
    MissingBids,
    /// An execution's node was not drawn at its position.
    OutOfOrder(u16),
    /// A fair draw without a commitment.
    NoCommitment,
    /// The set of a fair draw has another size.
    Bidders {
        /// Members of the set.
        found: usize,
        /// Bidders by the record of the draw.
        recorded: usize,
    },
    /// The seed of a fair draw is unknown.
    NoRandomness,
    /// The record lacks the bid of a member.
    MissingBid(PeerId),
    /// An execution is of another node than the drawn one.
    OtherNode {
        /// Number of the execution.
        execution: u16,
        /// Its node.
        peer: Box<PeerId>,
        /// The drawn node.
        drawn: Box<PeerId>,
    },
    /// An execution for which no node was drawn.
    OneTooMany(u16),
    /// The commitment is for another draw.
    OtherDraw,
    /// The requester did not sign the commitment.
    UnsignedCommitment,
    /// The commitment is to another secret than the announcement.
    OtherSecret,
    /// The set of bidders differs from the signed one.
    OtherSet,
    /// A member of the set has no bid with its commitment.
    Uncommitted(PeerId),
    /// The source of randomness differs from the announced one.
    OtherSource,
    /// The revealed secret of the requester does not match its commitment.
    WrongRequesterSecret,
    /// The revealed secrets are not sorted by bidder.
    UnsortedSecrets,
    /// The revealed secret of a bidder does not match its commitment.
    WrongSecret(PeerId),
    /// The record does not describe the beacon.
    UnknownBeacon(Hash256),
    /// A round of the beacon that was public when the requester committed to it.
    PublicBeforeCommitment(u64),
    /// A round of the beacon that was public before the proposal it audits.
    PublicBeforeProposal(u64),
    /// The record has another round of the beacon.
    OtherBeaconRound(u64),
    /// The signature of the beacon's round is invalid.
    Beacon(String),
    /// The requester did not sign the audit.
    UnsignedAudit,
    /// The decision about the audit is the other one.
    Audit {
        /// The correct decision.
        drawn: bool,
    },
}

impl Mismatch {
    /// The error for this mismatch at `part`.
    pub(crate) fn at(self, at: RecordPart) -> RepeatError {
        RepeatError { at, mismatch: self }
    }
}

impl fmt::Display for RepeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, mismatch } = self;
        match at {
            RecordPart::Job => write!(f, "{mismatch}"),
            RecordPart::FairDraw(number) => write!(f, "draw {number}: {mismatch}"),
            RecordPart::Draw { shard, round } => write!(f, "shard {shard}, draw {round}: {mismatch}"),
            RecordPart::Audit(shard) => write!(f, "shard {shard}, audit: {mismatch}"),
            RecordPart::Shard(shard) => write!(f, "shard {shard}: {mismatch}"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fairness => f.write_str("the announcement and the record disagree about whether the draw is fair"),
            Self::NotDrawn(execution) => write!(f, "execution {execution} was not drawn"),
            Self::NotNext => f.write_str("its executions do not follow those of earlier draws"),
            Self::TooManyExecutions => f.write_str("there are too many executions"),
            Self::MissingExecutions => f.write_str("it has executions that are not there"),
            Self::MissingBids => f.write_str("it is among bids that are not there"),
            Self::OutOfOrder(execution) => write!(f, "execution {execution} is not in the order of the draw"),
            Self::NoCommitment => f.write_str("it has no commitment"),
            Self::Bidders { found, recorded } => {
                write!(f, "{found} bidders took part, but the record says {recorded}")
            }
            Self::NoRandomness => f.write_str("its randomness is unknown"),
            Self::MissingBid(peer) => write!(f, "the bid of {peer} is missing"),
            Self::OtherNode { execution, peer, drawn } => {
                write!(f, "execution {execution} is of {peer}, and {drawn} was drawn")
            }
            Self::OneTooMany(execution) => write!(f, "execution {execution} is one too many"),
            Self::OtherDraw => f.write_str("the commitment is for another draw"),
            Self::UnsignedCommitment => f.write_str("the commitment is not signed by the requester"),
            Self::OtherSecret => f.write_str("the requester was bound to another secret by the announcement"),
            Self::OtherSet => f.write_str("the set of bidders is not the one that was signed"),
            Self::Uncommitted(peer) => write!(f, "no bid of {peer} has the signed commitment"),
            Self::OtherSource => f.write_str("its source of randomness differs from the announcement"),
            Self::WrongRequesterSecret => {
                f.write_str("the secret of the requester is not the one that it was bound to")
            }
            Self::UnsortedSecrets => f.write_str("the secrets of the bidders are not in order"),
            Self::WrongSecret(peer) => write!(f, "the secret of {peer} is not the one that it was bound to"),
            Self::UnknownBeacon(chain) => write!(f, "beacon chain {chain} is not described"),
            Self::PublicBeforeCommitment(round) => {
                write!(f, "round {round} of the beacon was public before the commitment")
            }
            Self::PublicBeforeProposal(round) => {
                write!(f, "round {round} of the beacon was public before the proposal")
            }
            Self::OtherBeaconRound(round) => write!(f, "it has round {round} of the beacon"),
            Self::Beacon(why) => f.write_str(why),
            Self::UnsignedAudit => f.write_str("it is not signed by the requester"),
            Self::Audit { drawn: true } => f.write_str("it was drawn"),
            Self::Audit { drawn: false } => f.write_str("it was not drawn"),
        }
    }
}

impl std::error::Error for RepeatError {}
