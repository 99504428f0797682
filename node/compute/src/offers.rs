//! Open offers: bids that are neither accepted nor rejected. They reserve capacity without using it, so they lapse
//! after a short time, and those to one requester or for one client may hold only a share of the node.

use std::collections::BTreeMap;
use std::fmt;

use libp2p_identity::PeerId;

use super::capacity::{Holder, NOTHING, within, zip};
use bacalhau_job::{Announced, Resources};

/// Limits on open offers.
#[derive(Clone, Copy, Debug)]
pub struct OfferLimits {
    /// Time after which an unanswered offer releases its capacity, in milliseconds. Default 15 s.
    pub lapse_ms: u64,
    /// Maximum bidding time in milliseconds; longer ones are cut to it. Default 1 min.
    pub bidding_ms: u64,
    /// Percentage of the node's capacity for open offers to one requester. Default 75.
    pub requester_percent: u8,
    /// Percentage of the node's capacity for open offers for one client. Default 50.
    pub client_percent: u8,
}

impl Default for OfferLimits {
    fn default() -> Self {
        Self { lapse_ms: 15_000, bidding_ms: 60_000, requester_percent: 75, client_percent: 50 }
    }
}

/// The requester and the client of a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parties {
    pub(super) requester: PeerId,
    pub(super) client: Option<PeerId>,
}

/// A party by its role; one key may have both roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    Requester(PeerId),
    Client(PeerId),
}

/// The open offers with their sums.
#[derive(Debug)]
pub(super) struct Offers {
    total: Resources,
    limits: OfferLimits,
    open: BTreeMap<Holder, (Parties, Resources)>,
    sums: BTreeMap<Party, Sum>,
}

#[derive(Clone, Copy, Debug)]
struct Sum {
    offers: usize,
    resources: Resources,
}

/// The share that another offer would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exceeded {
    role: &'static str,
    percent: u8,
    offers: usize,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, percent, offers } = self;
        write!(f, "unanswered offers for this {role} already hold its share: {offers} of them, {percent}% of this node")
    }
}

impl Parties {
    pub(super) fn of(job: &Announced) -> Self {
        Self { requester: job.requester().peer, client: job.client() }
    }

    /// The parties with their roles.
    pub(super) fn each(self) -> impl Iterator<Item = Party> {
        [Some(Party::Requester(self.requester)), self.client.map(Party::Client)].into_iter().flatten()
    }
}

impl Offers {
    /// An empty set for a node with the capacity `total`.
    pub(super) fn new(total: Resources, limits: OfferLimits) -> Self {
        Self { total, limits, open: BTreeMap::new(), sums: BTreeMap::new() }
    }

    /// Whether an offer of `wanted` is within the shares. The first open offer for a party always is, so that a job
    /// that needs most of the node fits an idle one.
    ///
    /// # Errors
    /// The share that would be exceeded.
    pub(super) fn allow(&self, parties: Parties, wanted: Resources) -> Result<(), Exceeded> {
        for party in parties.each() {
            let Some(sum) = self.sums.get(&party) else { continue };
            let (role, percent) = match party {
                Party::Requester(_) => ("requester", self.limits.requester_percent),
                Party::Client(_) => ("client", self.limits.client_percent),
            };
            let most = share(self.total, percent);
            if !within(zip(sum.resources, wanted, u64::saturating_add), most) {
                return Err(Exceeded { role, percent, offers: sum.offers });
            }
        }
        Ok(())
    }

    /// Adds an offer.
    pub(super) fn insert(&mut self, holder: Holder, parties: Parties, resources: Resources) {
        self.remove(holder);
        self.open.insert(holder, (parties, resources));
        for party in parties.each() {
            let sum = self.sums.entry(party).or_insert(Sum { offers: 0, resources: NOTHING });
            sum.offers += 1;
            sum.resources = zip(sum.resources, resources, u64::saturating_add);
        }
    }

    /// Removes an offer that is accepted, rejected, lapsed or withdrawn. Idempotent.
    pub(super) fn remove(&mut self, holder: Holder) {
        let Some((parties, resources)) = self.open.remove(&holder) else { return };
        for party in parties.each() {
            let Some(sum) = self.sums.get_mut(&party) else { continue };
            sum.offers = sum.offers.saturating_sub(1);
            sum.resources = zip(sum.resources, resources, u64::saturating_sub);
            if sum.offers == 0 {
                self.sums.remove(&party);
            }
        }
    }
}

fn share(total: Resources, percent: u8) -> Resources {
    let part = |amount: u64| u64::try_from(u128::from(amount) * u128::from(percent) / 100).unwrap_or(u64::MAX);
    Resources {
        cpu_millis: part(total.cpu_millis),
        memory_bytes: part(total.memory_bytes),
        disk_bytes: part(total.disk_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_job::JobId;

    fn amount(amount: u64) -> Resources {
        Resources { cpu_millis: amount, memory_bytes: amount, disk_bytes: amount }
    }

    #[test]
    fn a_requester_and_a_client_have_shares_and_the_first_offer_may_exceed_them() {
        let job: JobId = "a".repeat(32).parse().unwrap();
        let of = |requester, client| Parties { requester, client: Some(client) };
        let [one, two, three] = [(); 3].map(|()| PeerId::random());
        let mut offers = Offers::new(amount(100), OfferLimits::default());
        assert_eq!(offers.allow(of(one, one), amount(100)), Ok(()), "the first");
        offers.insert((job, 0), of(one, one), amount(40));
        assert_eq!(offers.allow(of(one, one), amount(10)), Ok(()));
        assert!(offers.allow(of(one, one), amount(11)).unwrap_err().to_string().contains("for this client"));
        assert_eq!(offers.allow(of(one, two), amount(35)), Ok(()));
        assert!(offers.allow(of(one, two), amount(36)).unwrap_err().to_string().contains("75%"));
        let refused = offers.allow(of(three, one), amount(36)).unwrap_err().to_string();
        assert!(refused.contains("for this client"), "a client that has several requesters: {refused}");
        assert_eq!(offers.allow(of(three, three), amount(100)), Ok(()));
        offers.remove((job, 0));
        offers.remove((job, 0));
        assert!(offers.sums.is_empty() && offers.open.is_empty());
    }
}
