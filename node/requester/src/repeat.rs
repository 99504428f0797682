//! Repeats the draws of a job from its record.

use std::collections::BTreeSet;

use libp2p_identity::PeerId;
use serde::Serialize;

use super::distinct::{one_of_each, same_operator};
use super::draw::draw;
use super::fair_shard::choose;
use super::repeat_error::{Mismatch, RecordPart, RepeatError};
use bacalhau_beacon::verify;
use bacalhau_job::{
    AnnouncedJob, AuditRecord, BeaconChain, BidRecord, DrawMode, DrawRecord, ExecutionRecord, ExecutionState,
    FairRecord, FairRound, FairTerms, Hash256, JobRecord, Randomness, SetEntry, ShardRecord, draw::seed,
};
use bacalhau_verify::is_signed;

/// Whether a peer signed a text, with a signature in hexadecimal.
pub(crate) type IsSigned = fn(&PeerId, &[u8], &str) -> bool;

/// A draw that matches the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// Shard number.
    pub shard: u32,
    /// Counted from 1 in the shard.
    pub round: u16,
    /// How it was drawn.
    pub mode: DrawMode,
    /// The fair draw of the job that it is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fair: Option<u16>,
    /// Source of its randomness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub randomness: Option<Randomness>,
    /// Bidders that were drawn among.
    pub bidders: usize,
    /// Numbers of the resulting executions.
    pub executions: Vec<u16>,
}

/// Repeats all draws of a job.
///
/// # Errors
/// A difference from the record, or missing data.
pub fn repeat(record: &JobRecord) -> Result<Vec<Repeated>, RepeatError> {
    repeat_by(record, is_signed)
}

/// The same with another signature check: simulated nodes have no keys.
///
/// # Errors
/// As for [`repeat`].
pub fn repeat_by(record: &JobRecord, is_signed: IsSigned) -> Result<Vec<Repeated>, RepeatError> {
    let fair = match (&record.job.fair, &record.fair) {
        (Some(terms), Some(fair)) => {
            for (number, round) in (1..).zip(&fair.rounds) {
                let checked = check(&record.job, terms, fair, number, round, is_signed);
                checked.map_err(|mismatch| mismatch.at(RecordPart::FairDraw(number)))?;
            }
            Some(fair)
        }
        (None, None) => None,
        _ => return Err(Mismatch::Fairness.at(RecordPart::Job)),
    };
    let mut repeated = Vec::new();
    for (number, shard) in (0..).zip(&record.shards) {
        let mut next = 1;
        for drawn in &shard.draws {
            let of = |mismatch: Mismatch| mismatch.at(RecordPart::Draw { shard: number, round: drawn.round });
            let executions = executions(shard, drawn, &mut next).map_err(of)?;
            let randomness = if let Some(fair) = fair {
                Some(repeat_fair(fair, number, shard, drawn, executions).map_err(of)?)
            } else {
                repeat_fast(&record.job, number, shard, drawn, executions).map_err(of)?;
                None
            };
            repeated.push(Repeated {
                shard: number,
                round: drawn.round,
                mode: if fair.is_some() { DrawMode::Fair } else { DrawMode::Fast },
                fair: drawn.fair,
                randomness,
                bidders: drawn.bids,
                executions: drawn.executions.clone(),
            });
        }
        if let Some(audit) = &shard.audit {
            check_audit(&record.job, number, audit, is_signed)
                .map_err(|mismatch| mismatch.at(RecordPart::Audit(number)))?;
        }
        if let Some(execution) = shard.executions.get(usize::from(next) - 1) {
            return Err(Mismatch::NotDrawn(execution.number).at(RecordPart::Shard(number)));
        }
    }
    Ok(repeated)
}

/// The executions of a draw, which follow those of earlier draws.
fn executions<'a>(
    shard: &'a ShardRecord,
    drawn: &DrawRecord,
    next: &mut u16,
) -> Result<(Vec<ExecutionRecord>, &'a [ExecutionRecord]), Mismatch> {
    let expected = (*next..).take(drawn.executions.len());
    if !expected.eq(drawn.executions.iter().copied()) {
        return Err(Mismatch::NotNext);
    }
    let from = usize::from(*next) - 1;
    let until = from + drawn.executions.len();
    *next = u16::try_from(until + 1).map_err(|_| Mismatch::TooManyExecutions)?;
    let (before, rest) = shard.executions.split_at_checked(from).ok_or(Mismatch::MissingExecutions)?;
    // A provider that gave its execution back may be drawn again.
    let again =
        |it: &&ExecutionRecord| it.state == ExecutionState::Failed && rest.iter().any(|later| later.peer == it.peer);
    let before = before.iter().filter(|it| !again(it)).cloned().collect();
    let of = rest.get(..until - from).ok_or(Mismatch::MissingExecutions)?;
    Ok((before, of))
}

fn repeat_fast(
    job: &AnnouncedJob,
    number: u32,
    shard: &ShardRecord,
    drawn: &DrawRecord,
    (before, executions): (Vec<ExecutionRecord>, &[ExecutionRecord]),
) -> Result<(), Mismatch> {
    let bids = shard.bids.get(..drawn.bids).ok_or(Mismatch::MissingBids)?;
    let bidders: Vec<PeerId> = bids.iter().map(|bid| bid.peer).collect();
    let order = draw(&job.id, number, drawn.round, &bidders);
    // Which bids were open is not in the record: operators that had none are passed over.
    let mut order = one_of_each(&order, bids, &before, |_| true).into_iter();
    for execution in executions {
        if !order.any(|peer| same_operator(bids, &peer, &execution.peer)) {
            return Err(Mismatch::OutOfOrder(execution.number));
        }
    }
    Ok(())
}

fn repeat_fair(
    fair: &FairRecord,
    number: u32,
    shard: &ShardRecord,
    drawn: &DrawRecord,
    (before, executions): (Vec<ExecutionRecord>, &[ExecutionRecord]),
) -> Result<Randomness, Mismatch> {
    let index = drawn.fair.and_then(|fair| usize::from(fair).checked_sub(1));
    let round = index.and_then(|index| fair.rounds.get(index)).ok_or(Mismatch::NoCommitment)?;
    let members: BTreeSet<PeerId> = round.members(number).into_iter().collect();
    if members.len() != drawn.bids {
        return Err(Mismatch::Bidders { found: members.len(), recorded: drawn.bids });
    }
    let seed = seed(round, number).ok_or(Mismatch::NoRandomness)?;
    let operators = |peer: &&PeerId| shard.bids.iter().any(|bid: &BidRecord| bid.peer == **peer);
    if let Some(missing) = members.iter().find(|peer| !operators(peer)) {
        return Err(Mismatch::MissingBid(*missing));
    }
    let chosen = choose(&seed, &members, &shard.bids, &before);
    for (place, execution) in executions.iter().enumerate() {
        match chosen.get(place) {
            Some(peer) if *peer == execution.peer => {}
            Some(peer) => {
                let (number, drawn) = (execution.number, Box::new(*peer));
                return Err(Mismatch::OtherNode { execution: number, peer: Box::new(execution.peer), drawn });
            }
            None => return Err(Mismatch::OneTooMany(execution.number)),
        }
    }
    Ok(round.signed.commitment.randomness.clone())
}

/// Checks that a commitment is the requester's, for this set, and has the announced source of randomness.
fn check(
    job: &AnnouncedJob,
    terms: &FairTerms,
    fair: &FairRecord,
    number: u16,
    round: &FairRound,
    is_signed: IsSigned,
) -> Result<(), Mismatch> {
    let commitment = &round.signed.commitment;
    if commitment.job != job.id || commitment.round != number {
        return Err(Mismatch::OtherDraw);
    }
    if !is_signed(&job.requester.peer, &commitment.text(), &round.signed.signature) {
        return Err(Mismatch::UnsignedCommitment);
    }
    if commitment.commit != terms.commit {
        return Err(Mismatch::OtherSecret);
    }
    let sorted = round.set.windows(2).all(|pair| pair[0].peer.to_bytes() < pair[1].peer.to_bytes());
    let same_count = u32::try_from(round.set.len()) == Ok(commitment.bidders);
    if !sorted || !same_count || FairRound::tree(&round.set).root() != commitment.root {
        return Err(Mismatch::OtherSet);
    }
    let bid =
        |entry: &SetEntry| fair.bidders.iter().any(|bidder| bidder.peer == entry.peer && bidder.commit == entry.commit);
    if let Some(entry) = round.set.iter().find(|entry| !bid(entry)) {
        return Err(Mismatch::Uncommitted(entry.peer));
    }
    match (&commitment.randomness, &terms.beacon) {
        (Randomness::Reveal, None) => {}
        (Randomness::Beacon { chain, round: beacon }, Some(announced)) if chain == announced => {
            return check_beacon(fair, chain, *beacon, round);
        }
        _ => return Err(Mismatch::OtherSource),
    }
    if round.drawn_ms.is_none() {
        return Ok(());
    }
    if !round.secret.as_ref().is_some_and(|secret| secret.is_of(&terms.commit, number)) {
        return Err(Mismatch::WrongRequesterSecret);
    }
    if !round.reveals.windows(2).all(|pair| pair[0].peer.to_bytes() < pair[1].peer.to_bytes()) {
        return Err(Mismatch::UnsortedSecrets);
    }
    let bound = |peer: &PeerId| round.entry(peer).map(|entry| entry.commit);
    let held = |it: &&bacalhau_job::Revealed| bound(&it.peer).is_some_and(|commit| it.secret.is_of(&commit, number));
    match round.reveals.iter().find(|it| !held(it)) {
        Some(it) => Err(Mismatch::WrongSecret(it.peer)),
        None => Ok(()),
    }
}

/// Checks that a beacon round was in the future of the commitment, and has its chain's signature.
fn check_beacon(fair: &FairRecord, chain: &Hash256, beacon: u64, round: &FairRound) -> Result<(), Mismatch> {
    let described = fair.chain.as_ref().filter(|described| described.hash() == *chain);
    let Some(described) = described else { return Err(Mismatch::UnknownBeacon(*chain)) };
    if described.time_ms(beacon) <= round.signed.commitment.at_ms {
        return Err(Mismatch::PublicBeforeCommitment(beacon));
    }
    match &round.beacon {
        Some(known) if known.round != beacon => Err(Mismatch::OtherBeaconRound(known.round)),
        Some(known) => verified(described, beacon, &known.signature),
        None => Ok(()),
    }
}

/// Checks the recorded decision about an audit.
fn check_audit(job: &AnnouncedJob, shard: u32, audit: &AuditRecord, is_signed: IsSigned) -> Result<(), Mismatch> {
    let text = bacalhau_job::audit::message(&job.id.execution(shard, audit.execution), &audit.proposal);
    if !is_signed(&job.requester.peer, &text, &audit.signature) {
        return Err(Mismatch::UnsignedAudit);
    }
    let drawn = audit.decision();
    if drawn != audit.drawn {
        return Err(Mismatch::Audit { drawn });
    }
    let Some(beacon) = &audit.beacon else { return Ok(()) };
    if beacon.chain.time_ms(beacon.round) <= beacon.proposed_ms {
        return Err(Mismatch::PublicBeforeProposal(beacon.round));
    }
    beacon.signature.as_ref().map_or(Ok(()), |signature| verified(&beacon.chain, beacon.round, signature))
}

fn verified(chain: &BeaconChain, round: u64, signature: &str) -> Result<(), Mismatch> {
    verify(chain, round, signature).map_err(|why| Mismatch::Beacon(why.to_string()))
}
