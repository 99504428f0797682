//! How often one party decides what is right: 400 of 1,000 identities, behind 3 operators. The draw itself is simulated and
//! compared with what combinatorics says; the table is the one of PROTOCOL.md.

use std::collections::BTreeSet;

use libp2p_identity::PeerId;

use super::world::{START_MS, job};
use crate::{draw, one_of_each};
use bacalhau_identity::Identity;
use bacalhau_job::{BidRecord, Operator, OperatorProof};

const NODES: usize = 1000;
/// The last of them are the party's.
const PARTY: usize = 400;
/// Honest operators have two nodes each, and three of them rent in one network.
const NODES_OF_OPERATOR: usize = 2;
const NODES_OF_PREFIX: usize = 6;
const MIN_BIDS: usize = 10;
const EXECUTIONS: usize = 3;
/// Votes that decide.
const DECIDE: usize = 2;
const JOBS: u32 = 200;

/// A rule, and in how many networks the party has addresses. By the rule `operator`, honest operators have proofs; the party
/// proves nothing, since it need not.
#[derive(Clone, Copy)]
struct Case {
    rule: &'static str,
    prefixes: usize,
}

const CASES: [Case; 5] = [
    Case { rule: "none", prefixes: 3 },
    Case { rule: "prefix", prefixes: 3 },
    Case { rule: "prefix", prefixes: 40 },
    Case { rule: "operator", prefixes: 3 },
    Case { rule: "operator", prefixes: 40 },
];

impl Case {
    fn operator(self, node: usize) -> Option<Operator> {
        let is_party = node >= NODES - PARTY;
        let prefix =
            if is_party { format!("party {}", node % self.prefixes) } else { format!("{}", node / NODES_OF_PREFIX) };
        match self.rule {
            "none" => None,
            "operator" if !is_party => {
                Some(Operator::new(format!("{}", node / NODES_OF_OPERATOR), OperatorProof::Listed))
            }
            _ => Some(Operator::new(prefix, OperatorProof::Prefix)),
        }
    }

    /// Operators in all, and the party's.
    fn operators(self) -> (usize, usize) {
        let honest = NODES - PARTY;
        match self.rule {
            "none" => (NODES, PARTY),
            "prefix" => (honest / NODES_OF_PREFIX + self.prefixes, self.prefixes),
            _ => (honest / NODES_OF_OPERATOR + self.prefixes, self.prefixes),
        }
    }

    /// Of those whose bids are in when the draw is made: with `fast`, the party's are the first, as it runs nothing.
    fn in_time(self, fast: bool) -> (usize, usize) {
        let (all, party) = self.operators();
        if fast { (MIN_BIDS, party.min(MIN_BIDS)) } else { (all, party) }
    }

    /// The probability that the party has the votes that decide.
    fn analytic(self, fast: bool) -> f64 {
        let (all, party) = self.in_time(fast);
        let ways = |party_votes| choose(party, party_votes) * choose(all - party, EXECUTIONS - party_votes);
        (DECIDE..=EXECUTIONS).map(ways).sum::<f64>() / choose(all, EXECUTIONS)
    }

    /// The share of jobs of which it had them.
    fn simulated(self, fast: bool, peers: &[PeerId]) -> f64 {
        // The party bids first; of the honest, any may be the next.
        let mut order: Vec<usize> = (0..NODES - PARTY).map(|at| at * 7 % (NODES - PARTY)).collect();
        order.splice(0..0, NODES - PARTY..NODES);
        let mut bids: Vec<BidRecord> = Vec::new();
        let mut seen = BTreeSet::new();
        for node in order {
            let operator = self.operator(node);
            let name = operator.as_ref().map_or_else(|| node.to_string(), |it| format!("{:?}", it.key()));
            seen.insert(name);
            bids.push(BidRecord { peer: peers[node], at_ms: START_MS, accepted: None, operator });
            if fast && seen.len() >= MIN_BIDS {
                break;
            }
        }
        let bidders: Vec<PeerId> = bids.iter().map(|bid| bid.peer).collect();
        let party: BTreeSet<&PeerId> = peers[NODES - PARTY..].iter().collect();
        let id = job(1, 0, 0).id;
        let stolen = |shard: &u32| {
            let order = draw(&id, *shard, 1, &bidders);
            let drawn = one_of_each(&order, &bids, &[], |_| true);
            drawn[..EXECUTIONS].iter().filter(|peer| party.contains(peer)).count() >= DECIDE
        };
        let stolen = (0..JOBS).filter(stolen).count();
        f64::from(u32::try_from(stolen).unwrap()) / f64::from(JOBS)
    }
}

fn choose(from: usize, count: usize) -> f64 {
    let factor = |at: usize| f64::from(u32::try_from(from).unwrap()) - f64::from(u32::try_from(at).unwrap());
    (0..count).map(|at| factor(at).max(0.0) / f64::from(u32::try_from(at + 1).unwrap())).product()
}

#[test]
fn one_party_with_400_of_1000_identities_behind_3_operators() {
    let peers: Vec<PeerId> = (0..u32::try_from(NODES).unwrap())
        .map(|number| {
            let mut seed = [7; 32];
            seed[..4].copy_from_slice(&number.to_be_bytes());
            Identity::from_seed(seed).peer_id()
        })
        .collect();
    let documents = include_str!("../../../PROTOCOL.md");
    let mut rows = Vec::new();
    for case in CASES {
        let mut cells = Vec::new();
        for fast in [true, false] {
            let (expected, found) = (case.analytic(fast), case.simulated(fast, &peers));
            let sigma = (expected * (1.0 - expected) / f64::from(JOBS)).sqrt();
            assert!(
                (expected - found).abs() <= 4.0 * sigma + 0.01,
                "{} {}: {expected} {found}",
                case.rule,
                case.prefixes
            );
            cells.push(format!("{:.2} %", expected * 100.0));
        }
        let (all, party) = case.operators();
        rows.push(format!("| `{}` | {} | {party} of {all} | {} | {} |", case.rule, case.prefixes, cells[0], cells[1]));
    }
    let table = rows.join("\n");
    assert!(documents.contains(&table), "the table of PROTOCOL.md is another one:\n{table}");
}
