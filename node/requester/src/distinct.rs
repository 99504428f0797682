//! At most one execution of a shard for each operator. Several identities do not increase an operator's chance: the
//! draw orders operators by one bid of each, the first that arrived, and then chooses among its bidders.

use std::collections::{BTreeMap, BTreeSet};

use libp2p_identity::PeerId;

use super::bids::is_given_back;
use super::shard::Shard;
use bacalhau_job::{BidRecord, Distinct, ExecutionRecord, Operator};

/// Maximum bids of one operator stored for a shard, as reserves.
const MOST_BIDS: usize = 16;

/// A party with at most one execution of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Party<'a> {
    /// A node, where every peer id counts.
    Peer(PeerId),
    /// An operator, by its key.
    Operator(u8, &'a str),
}

fn party(peer: PeerId, operator: Option<&Operator>) -> Party<'_> {
    operator.map_or(Party::Peer(peer), |operator| {
        let (kind, name) = operator.key();
        Party::Operator(kind, name)
    })
}

fn party_of(bid: &BidRecord) -> Party<'_> {
    party(bid.peer, bid.operator.as_ref())
}

/// Whether two bidders belong to one operator, or are the same node.
pub(super) fn same_operator(bids: &[BidRecord], one: &PeerId, other: &PeerId) -> bool {
    let party = |peer: &PeerId| bids.iter().find(|bid| bid.peer == *peer).map(party_of);
    party(one).is_some_and(|one| Some(one) == party(other))
}

/// From `order`, a draw among all `bids`, selects one bidder of each operator without one of `executions`. An operator
/// has the position of its first bid; its bidder is the first one that is `open`.
pub fn one_of_each(
    order: &[PeerId],
    bids: &[BidRecord],
    executions: &[ExecutionRecord],
    open: impl Fn(&PeerId) -> bool,
) -> Vec<PeerId> {
    let mut firsts: BTreeMap<Party<'_>, PeerId> = BTreeMap::new();
    let mut parties: BTreeMap<PeerId, Party<'_>> = BTreeMap::new();
    for bid in bids {
        firsts.entry(party_of(bid)).or_insert(bid.peer);
        parties.insert(bid.peer, party_of(bid));
    }
    let taken: BTreeSet<Party<'_>> = executions.iter().map(|it| party(it.peer, it.operator.as_ref())).collect();
    let mut bidders: BTreeMap<Party<'_>, PeerId> = BTreeMap::new();
    for peer in order.iter().filter(|peer| open(peer)) {
        if let Some(party) = parties.get(peer) {
            bidders.entry(*party).or_insert(*peer);
        }
    }
    let of = |peer: &PeerId| {
        let party = parties.get(peer).filter(|party| firsts.get(party) == Some(peer) && !taken.contains(party))?;
        bidders.get(party).copied()
    };
    order.iter().filter_map(of).collect()
}

impl Shard<'_> {
    /// Operators with an open bid that have no execution of the shard yet.
    pub(super) fn offering(&self) -> usize {
        let taken = self.taken();
        let open = self.record.bids.iter().filter(|bid| self.stands_still(bid)).map(party_of);
        open.filter(|party| !taken.contains(party)).collect::<BTreeSet<_>>().len()
    }

    /// Whether a bid of this operator could not be accepted, or is one too many.
    pub(super) fn is_one_too_many(&self, peer: PeerId, operator: Option<&Operator>) -> bool {
        let party = party(peer, operator);
        let bids = || self.record.bids.iter().filter(|bid| bid.accepted.is_none() && party_of(bid) == party).count();
        operator.is_some() && (self.taken().contains(&party) || bids() >= MOST_BIDS)
    }

    /// Number of bids and operators as text; `None` when each peer ID counts.
    pub(super) fn operators_in_words(&self) -> Option<String> {
        if self.record.distinct == Distinct::None {
            return None;
        }
        let bids: Vec<Party<'_>> =
            self.record.bids.iter().filter(|bid| bid.accepted != Some(false)).map(party_of).collect();
        let operators = bids.iter().collect::<BTreeSet<_>>().len();
        let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        Some(format!("{} of {}", plural(bids.len(), "bid"), plural(operators, "operator")))
    }

    fn taken(&self) -> BTreeSet<Party<'_>> {
        let executions = self.record.executions.iter().filter(|it| !is_given_back(self.job, it));
        executions.map(|it| party(it.peer, it.operator.as_ref())).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draw;
    use crate::tests::world::{job, peer};
    use bacalhau_job::OperatorProof;

    /// Bidders, each with the number of its operator, in the order in which they bid.
    fn bids(operators: &[u8]) -> Vec<BidRecord> {
        let bid = |(number, operator): (u8, &u8)| BidRecord {
            peer: peer(number),
            at_ms: 0,
            accepted: None,
            operator: Some(Operator::new(format!("{operator}"), OperatorProof::Listed)),
        };
        (0..).zip(operators).map(bid).collect()
    }

    fn operator(bids: &[BidRecord], peer: &PeerId) -> String {
        bids.iter().find(|bid| bid.peer == *peer).unwrap().operator.as_ref().unwrap().name.clone()
    }

    proptest! {
        #[test]
        fn each_operator_is_chosen_once_whatever_its_bidders(operators in proptest::collection::vec(0_u8..9, 1..40), round: u16) {
            let bids = bids(&operators);
            let peers: Vec<PeerId> = bids.iter().map(|bid| bid.peer).collect();
            let order = draw(&job(1, 0, 0).id, 0, round, &peers);
            let chosen = one_of_each(&order, &bids, &[], |_| true);
            let names: BTreeSet<String> = chosen.iter().map(|peer| operator(&bids, peer)).collect();
            prop_assert_eq!(names.len(), chosen.len());
            prop_assert_eq!(names.len(), operators.iter().collect::<BTreeSet<_>>().len());
        }

        /// In one order of all bidders, operators stand as if each had bid once.
        #[test]
        fn more_identities_move_no_operator(operators in proptest::collection::vec(0_u8..9, 1..40)) {
            let bids = bids(&operators);
            let peers: Vec<PeerId> = bids.iter().map(|bid| bid.peer).collect();
            let order = draw(&job(1, 0, 0).id, 0, 1, &peers);
            let mut seen = BTreeSet::new();
            let single: Vec<BidRecord> = bids.iter().filter(|bid| seen.insert(operator(&bids, &bid.peer))).cloned().collect();
            let names = |peers: Vec<PeerId>| -> Vec<String> { peers.iter().map(|peer| operator(&bids, peer)).collect() };
            prop_assert_eq!(
                names(one_of_each(&order, &bids, &[], |_| true)),
                names(one_of_each(&order, &single, &[], |_| true))
            );
        }

        #[test]
        fn without_operators_the_order_is_that_of_the_draw(count in 1_u8..40, closed in 0_u8..40) {
            let bids: Vec<BidRecord> = (0..count)
                .map(|number| BidRecord { peer: peer(number), at_ms: 0, accepted: None, operator: None })
                .collect();
            let peers: Vec<PeerId> = bids.iter().map(|bid| bid.peer).collect();
            let order = draw(&job(1, 0, 0).id, 0, 1, &peers);
            let open = |one: &PeerId| *one != peer(closed);
            let expected: Vec<PeerId> = order.iter().filter(|peer| open(peer)).copied().collect();
            prop_assert_eq!(one_of_each(&order, &bids, &[], open), expected);
        }
    }
}
