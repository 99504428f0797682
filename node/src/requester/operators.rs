//! Which operator a bidder belongs to: by the requester's list, by what the chain says of its claim, by its address. The chain
//! is asked outside, for so many bids at once; the bid counts when the answer is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use libp2p::PeerId;

use crate::job::{Distinct, JobId, MinerClaim, Operator, OperatorProof};
use crate::protocol::Bid;

/// Claims that are looked up at once.
const LOOKUPS: usize = 64;
/// Those of one address prefix, so that nobody keeps others from being looked up.
const LOOKUPS_PREFIX: usize = 4;

/// What is known of the operators of bidders.
#[derive(Debug)]
pub(super) struct Operators {
    me: PeerId,
    listed: Arc<BTreeMap<PeerId, String>>,
    /// Bids that wait for the answer about a claim, and from where they came.
    lookups: BTreeMap<(JobId, PeerId), Option<String>>,
}

/// What becomes of a bid.
#[derive(Debug)]
pub(super) enum Established {
    /// It counts, for this operator; none where every peer id counts.
    Known(Option<Operator>),
    /// It counts once this claim has been looked up.
    Lookup(MinerClaim),
    /// The claim of the same bidder for the same job is being looked up already.
    Waits,
}

impl Operators {
    pub(super) fn new(me: PeerId, listed: Arc<BTreeMap<PeerId, String>>) -> Self {
        Self { me, listed, lookups: BTreeMap::new() }
    }

    /// The operator of a bidder that is seen at an address with this prefix.
    pub(super) fn of(&mut self, rule: Distinct, from: PeerId, bid: &Bid, prefix: Option<&String>) -> Established {
        let seen = || Operator::seen(prefix.cloned());
        let known = |operator| Established::Known(Some(operator));
        if rule == Distinct::None {
            return Established::Known(None);
        }
        if from == self.me {
            return known(Operator::new("", OperatorProof::Own));
        }
        if rule == Distinct::Prefix {
            return known(seen());
        }
        if let Some(name) = self.listed.get(&from) {
            return known(Operator::new(name, OperatorProof::Listed));
        }
        let Some(claim) = &bid.claim else { return known(seen()) };
        if claim.signature.as_ref().is_some_and(|signature| signature.len() > MinerClaim::MAX_SIGNATURE) {
            return known(refused(seen(), claim, "its signature is too long"));
        }
        if self.lookups.contains_key(&(bid.job, from)) {
            return Established::Waits;
        }
        let near = self.lookups.values().filter(|other| other.as_ref() == prefix).count();
        if self.lookups.len() >= LOOKUPS || near >= LOOKUPS_PREFIX {
            return known(refused(seen(), claim, "too many claims are being looked up"));
        }
        self.lookups.insert((bid.job, from), prefix.cloned());
        Established::Lookup(claim.clone())
    }

    /// What came of a look-up: the operator that the bid counts for. `None` where nothing was looked up.
    pub(super) fn looked_up(
        &mut self,
        from: PeerId,
        job: JobId,
        claim: &MinerClaim,
        result: Result<OperatorProof, String>,
    ) -> Option<Operator> {
        let prefix = self.lookups.remove(&(job, from))?;
        Some(match result {
            Ok(proof) => Operator::new(claim.name(), proof),
            Err(why) => refused(Operator::seen(prefix), claim, &why),
        })
    }
}

fn refused(operator: Operator, claim: &MinerClaim, why: &str) -> Operator {
    let refused = super::shard::bounded(&format!("it claims to belong to {}: {why}", claim.name()));
    Operator { refused: Some(refused), ..operator }
}
