//! Repeats the draws of a job from its record, as anybody can.

use std::collections::BTreeSet;

use libp2p::PeerId;
use serde::Serialize;

use super::distinct::{one_of_each, same_operator};
use super::draw::draw;
use super::fair_shard::choose;
use crate::beacon::verify;
use crate::job::draw::seed;
use crate::job::{
    AnnouncedJob, AuditRecord, BidRecord, DrawMode, DrawRecord, ExecutionRecord, FairRecord, FairRound, FairTerms,
    Hash256, JobRecord, Randomness, SetEntry, ShardRecord,
};
use crate::verify::is_signed;

/// Whether a peer signed a text, with a signature in hexadecimal.
pub(crate) type IsSigned = fn(&PeerId, &[u8], &str) -> bool;

/// A draw that came out as the record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// The shard.
    pub shard: u32,
    /// Counted from 1 in the shard.
    pub round: u16,
    /// How it was drawn.
    pub mode: DrawMode,
    /// The fair draw of the job that it is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fair: Option<u16>,
    /// Where its randomness comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub randomness: Option<Randomness>,
    /// Bidders that were drawn among.
    pub bidders: usize,
    /// Numbers of the executions that came of it.
    pub executions: Vec<u16>,
}

/// Repeats all draws of a job.
///
/// # Errors
/// What is another thing than the record says, or is missing.
pub fn repeat(record: &JobRecord) -> Result<Vec<Repeated>, String> {
    repeat_by(record, is_signed)
}

/// The same, with another way to check signatures: simulated nodes have no keys.
pub(crate) fn repeat_by(record: &JobRecord, is_signed: IsSigned) -> Result<Vec<Repeated>, String> {
    let fair = match (&record.job.fair, &record.fair) {
        (Some(terms), Some(fair)) => {
            for (number, round) in (1..).zip(&fair.rounds) {
                let checked = check(&record.job, terms, fair, number, round, is_signed);
                checked.map_err(|why| format!("draw {number}: {why}"))?;
            }
            Some(fair)
        }
        (None, None) => None,
        _ => return Err("the announcement and the record disagree about whether the draw is fair".into()),
    };
    let mut repeated = Vec::new();
    for (number, shard) in (0..).zip(&record.shards) {
        let mut next = 1;
        for drawn in &shard.draws {
            let of = |why: String| format!("shard {number}, draw {}: {why}", drawn.round);
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
                .map_err(|why| format!("shard {number}, audit: {why}"))?;
        }
        if let Some(execution) = shard.executions.get(usize::from(next) - 1) {
            return Err(format!("shard {number}: execution {} was not drawn", execution.number));
        }
    }
    Ok(repeated)
}

/// The executions of a draw: those that follow upon the draws before.
fn executions<'a>(
    shard: &'a ShardRecord,
    drawn: &DrawRecord,
    next: &mut u16,
) -> Result<(&'a [ExecutionRecord], &'a [ExecutionRecord]), String> {
    let expected = (*next..).take(drawn.executions.len());
    if !expected.eq(drawn.executions.iter().copied()) {
        return Err("its executions are not those that follow upon the draws before".into());
    }
    let from = usize::from(*next) - 1;
    let until = from + drawn.executions.len();
    *next = u16::try_from(until + 1).map_err(|_| "there are too many executions")?;
    let (before, rest) = shard.executions.split_at_checked(from).ok_or("it has executions that are not there")?;
    let of = rest.get(..until - from).ok_or("it has executions that are not there")?;
    Ok((before, of))
}

fn repeat_fast(
    job: &AnnouncedJob,
    number: u32,
    shard: &ShardRecord,
    drawn: &DrawRecord,
    (before, executions): (&[ExecutionRecord], &[ExecutionRecord]),
) -> Result<(), String> {
    let bids = shard.bids.get(..drawn.bids).ok_or("it is among bids that are not there")?;
    let bidders: Vec<PeerId> = bids.iter().map(|bid| bid.peer).collect();
    let order = draw(&job.id, number, drawn.round, &bidders);
    // Which bids were open is not in the record: operators that had none are passed over.
    let mut order = one_of_each(&order, bids, before, |_| true).into_iter();
    for execution in executions {
        if !order.any(|peer| same_operator(bids, &peer, &execution.peer)) {
            return Err(format!("execution {} is not in the order of the draw", execution.number));
        }
    }
    Ok(())
}

fn repeat_fair(
    fair: &FairRecord,
    number: u32,
    shard: &ShardRecord,
    drawn: &DrawRecord,
    (before, executions): (&[ExecutionRecord], &[ExecutionRecord]),
) -> Result<Randomness, String> {
    let index = drawn.fair.and_then(|fair| usize::from(fair).checked_sub(1));
    let round = index.and_then(|index| fair.rounds.get(index)).ok_or("there is no commitment for it")?;
    let members: BTreeSet<PeerId> = round.members(number).into_iter().collect();
    if members.len() != drawn.bids {
        return Err(format!("{} bidders took part, and the record says {}", members.len(), drawn.bids));
    }
    let seed = seed(round, number).ok_or("its randomness is not known")?;
    let operators = |peer: &&PeerId| shard.bids.iter().any(|bid: &BidRecord| bid.peer == **peer);
    if let Some(missing) = members.iter().find(|peer| !operators(peer)) {
        return Err(format!("there is no bid of {missing}"));
    }
    let chosen = choose(&seed, &members, &shard.bids, before);
    for (place, execution) in executions.iter().enumerate() {
        match chosen.get(place) {
            Some(peer) if *peer == execution.peer => {}
            Some(peer) => {
                return Err(format!("execution {} is of {}, and {peer} was drawn", execution.number, execution.peer));
            }
            None => return Err(format!("execution {} is one too many", execution.number)),
        }
    }
    Ok(round.signed.commitment.randomness.clone())
}

/// Whether a commitment is the requester's, of this set, and its randomness what it was bound to be.
fn check(
    job: &AnnouncedJob,
    terms: &FairTerms,
    fair: &FairRecord,
    number: u16,
    round: &FairRound,
    is_signed: IsSigned,
) -> Result<(), String> {
    let commitment = &round.signed.commitment;
    let wrong = |what: &str| Err(what.to_owned());
    if commitment.job != job.id || commitment.round != number {
        return wrong("the commitment is for another draw");
    }
    if !is_signed(&job.requester.peer, &commitment.text(), &round.signed.signature) {
        return wrong("the commitment is not signed by the requester");
    }
    if commitment.commit != terms.commit {
        return wrong("the requester was bound to another secret by the announcement");
    }
    let sorted = round.set.windows(2).all(|pair| pair[0].peer.to_bytes() < pair[1].peer.to_bytes());
    let same_count = u32::try_from(round.set.len()) == Ok(commitment.bidders);
    if !sorted || !same_count || FairRound::tree(&round.set).root() != commitment.root {
        return wrong("the set of bidders is not the one that was signed");
    }
    let bid =
        |entry: &SetEntry| fair.bidders.iter().any(|bidder| bidder.peer == entry.peer && bidder.commit == entry.commit);
    if let Some(entry) = round.set.iter().find(|entry| !bid(entry)) {
        return Err(format!("there is no bid of {} with the commit that was signed", entry.peer));
    }
    match (&commitment.randomness, &terms.beacon) {
        (Randomness::Reveal, None) => {}
        (Randomness::Beacon { chain, round: beacon }, Some(announced)) if chain == announced => {
            return check_beacon(fair, chain, *beacon, round);
        }
        _ => return wrong("its randomness is not what the announcement says"),
    }
    if round.drawn_ms.is_none() {
        return Ok(());
    }
    if !round.secret.as_ref().is_some_and(|secret| secret.is_of(&terms.commit, number)) {
        return wrong("the secret of the requester is not the one that it was bound to");
    }
    if !round.reveals.windows(2).all(|pair| pair[0].peer.to_bytes() < pair[1].peer.to_bytes()) {
        return wrong("the secrets of the bidders are not in order");
    }
    let bound = |peer: &PeerId| round.entry(peer).map(|entry| entry.commit);
    let held = |it: &&crate::job::Revealed| bound(&it.peer).is_some_and(|commit| it.secret.is_of(&commit, number));
    match round.reveals.iter().find(|it| !held(it)) {
        Some(it) => Err(format!("the secret of {} is not the one that it was bound to", it.peer)),
        None => Ok(()),
    }
}

/// Whether a round of the beacon was to come when the set was committed, and is what its chain signed.
fn check_beacon(fair: &FairRecord, chain: &Hash256, beacon: u64, round: &FairRound) -> Result<(), String> {
    let described = fair.chain.as_ref().filter(|described| described.hash() == *chain);
    let Some(described) = described else { return Err(format!("beacon chain {chain} is not described")) };
    if described.time_ms(beacon) <= round.signed.commitment.at_ms {
        return Err(format!("round {beacon} of the beacon was known before the commitment"));
    }
    match &round.beacon {
        Some(known) if known.round != beacon => Err(format!("it has round {} of the beacon", known.round)),
        Some(known) => verify(described, beacon, &known.signature),
        None => Ok(()),
    }
}

/// Whether the decision about an audit comes out as recorded.
fn check_audit(job: &AnnouncedJob, shard: u32, audit: &AuditRecord, is_signed: IsSigned) -> Result<(), String> {
    let text = crate::job::audit::message(&job.id.execution(shard, audit.execution), &audit.proposal);
    if !is_signed(&job.requester.peer, &text, &audit.signature) {
        return Err("it is not signed by the requester".into());
    }
    let drawn = audit.decision();
    if drawn != audit.drawn {
        return Err(format!("it was {}drawn", if drawn { "" } else { "not " }));
    }
    let Some(beacon) = &audit.beacon else { return Ok(()) };
    if beacon.chain.time_ms(beacon.round) <= beacon.proposed_ms {
        return Err(format!("round {} of the beacon was known before the proposal", beacon.round));
    }
    beacon.signature.as_ref().map_or(Ok(()), |signature| verify(&beacon.chain, beacon.round, signature))
}
