//! Determines the operator of a bidder: by the requester's list, its claim on the chain, or its address. Chain look-ups
//! happen outside, limited in number; a bid counts when its look-up has ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use libp2p_identity::PeerId;

use bacalhau_job::{Distinct, JobId, MinerClaim, Operator, OperatorProof};
use bacalhau_protocol::Bid;

/// Claims that are looked up at once.
const LOOKUPS: usize = 64;
/// Maximum look-ups of one address prefix, so that it cannot block others.
const LOOKUPS_PREFIX: usize = 4;

/// Known operators of bidders.
#[derive(Debug)]
pub(super) struct Operators {
    me: PeerId,
    listed: Arc<BTreeMap<PeerId, String>>,
    /// Bids that wait for a look-up, with their address prefix.
    lookups: BTreeMap<(JobId, PeerId), Option<String>>,
}

/// Decision about a bid.
#[derive(Debug)]
pub(super) enum Established {
    /// It counts, for this operator; none where every peer id counts.
    Known(Option<Operator>),
    /// It counts once this claim has been looked up.
    Lookup(MinerClaim),
    /// The same bidder's claim for the same job is already being looked up.
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

    /// The result of a look-up: the operator of the bid. `None` for an unknown look-up.
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
