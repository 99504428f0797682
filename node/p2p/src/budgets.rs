//! Rate limits of peers in the network of jobs, by peer and by address, checked before decoding. Messages over budget
//! are ignored and count as strikes; strikes lower the gossip score, and too many block the peer for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::prefix::Prefix;
use bacalhau_values::budget::{Bucket, Rate, Recent};

/// Maximum remembered peers and prefixes; the least recently seen ones are forgotten.
const REMEMBERED: usize = 8192;
/// Strikes of something that no honest node does.
pub const FORGERY: u64 = 20;

/// Limits on input. The defaults are far above honest use, and low enough to protect this node.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// Of one peer.
    pub peer: Allowance,
    /// From one IPv4 address, or one /64 of IPv6: all peers there together.
    pub prefix: Allowance,
    /// Connections that one address makes.
    pub connections: Rate,
    /// Allowed strikes: one for input over budget, 20 for forged input.
    pub strikes: Rate,
    /// How long a peer with too many is blocked. Default 5 min.
    pub block: Duration,
}

/// Limits on input from one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Messages: direct and gossiped.
    pub messages: Rate,
    /// Bytes of messages.
    pub bytes: Rate,
    /// Jobs announced, each time that they are.
    pub jobs: Rate,
    /// Bytes of announcements of its own jobs.
    pub announced: Rate,
}

/// Cost of an input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Number of messages.
    pub messages: u64,
    /// Number of bytes.
    pub bytes: u64,
    /// Number of announced jobs.
    pub jobs: u64,
    /// Bytes of announcements.
    pub announced: u64,
}

/// Decision about an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Admission {
    /// Accepted.
    Take,
    /// It is not, and this is the peer's score from now on.
    Ignore(f64),
    /// It is not, nor is anything else of the peer.
    Block,
}

/// The rate limits of all peers.
#[derive(Debug)]
pub struct PeerBudgets {
    budgets: Budgets,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    peers: Recent<PeerId, Peer>,
    prefixes: Recent<Prefix, Account>,
    connections: Recent<Prefix, Bucket>,
    blocked: HashMap<PeerId, Instant>,
}

#[derive(Debug)]
struct Peer {
    account: Account,
    prefix: Prefix,
    strikes: Bucket,
}

#[derive(Debug)]
struct Account {
    messages: Bucket,
    bytes: Bucket,
    jobs: Bucket,
    announced: Bucket,
}

impl PeerBudgets {
    pub(super) fn new(budgets: Budgets) -> Self {
        let state = State {
            peers: Recent::new(REMEMBERED),
            prefixes: Recent::new(REMEMBERED),
            connections: Recent::new(REMEMBERED),
            blocked: HashMap::new(),
        };
        Self { budgets, state: Mutex::new(state) }
    }

    /// Whether a connection from `addr` is allowed.
    pub(super) fn connects(&self, addr: &Multiaddr, now: Instant) -> bool {
        let rate = self.budgets.connections;
        self.state().connections.of(&Prefix::of(addr), || Bucket::new(rate, now)).try_take(1, now).is_ok()
    }

    /// Records that `peer` is connected from `addr`.
    pub(super) fn connected(&self, peer: &PeerId, addr: &Multiaddr, now: Instant) {
        self.state().peer(&self.budgets, peer, now).prefix = Prefix::of(addr);
    }

    /// Decides about an input of `peer`.
    pub fn admit(&self, peer: &PeerId, cost: Cost, now: Instant) -> Admission {
        let mut state = self.state();
        if state.is_blocked(peer, now) {
            return Admission::Block;
        }
        if state.take(&self.budgets, peer, cost, now) {
            Admission::Take
        } else {
            state.strike(&self.budgets, peer, 1, now)
        }
    }

    /// Whether the budget of `author` allows a relayed message. Exceeding it is not the author's fault: relays may
    /// repeat messages.
    pub(super) fn affords(&self, author: &PeerId, cost: Cost, now: Instant) -> bool {
        let mut state = self.state();
        !state.is_blocked(author, now) && state.take(&self.budgets, author, cost, now)
    }

    /// `peer` did something so bad.
    pub fn strike(&self, peer: &PeerId, strikes: u64, now: Instant) -> Admission {
        self.state().strike(&self.budgets, peer, strikes, now)
    }

    /// Peers whose block has ended, once.
    pub(super) fn release(&self, now: Instant) -> Vec<PeerId> {
        self.state().blocked.extract_if(|_, until| *until <= now).map(|(peer, _)| peer).collect()
    }

    /// The current gossip score of `peer`; strikes decay.
    pub(super) fn score(&self, peer: &PeerId, now: Instant) -> f64 {
        let mut state = self.state();
        -state.peer(&self.budgets, peer, now).strikes.spent(now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn peer(&mut self, budgets: &Budgets, peer: &PeerId, now: Instant) -> &mut Peer {
        self.peers.of(peer, || Peer {
            account: Account::new(budgets.peer, now),
            prefix: Prefix::Other,
            strikes: Bucket::new(budgets.strikes, now),
        })
    }

    /// The peer's budget first, so that a peer over it does not use up that of its prefix.
    fn take(&mut self, budgets: &Budgets, peer: &PeerId, cost: Cost, now: Instant) -> bool {
        let record = self.peer(budgets, peer, now);
        let (own, prefix) = (record.account.take(cost, now), record.prefix);
        own && self.prefixes.of(&prefix, || Account::new(budgets.prefix, now)).take(cost, now)
    }

    fn is_blocked(&self, peer: &PeerId, now: Instant) -> bool {
        self.blocked.get(peer).is_some_and(|until| *until > now)
    }

    fn strike(&mut self, budgets: &Budgets, peer: &PeerId, strikes: u64, now: Instant) -> Admission {
        let record = self.peer(budgets, peer, now);
        if record.strikes.try_take(strikes, now).is_ok() {
            return Admission::Ignore(-record.strikes.spent(now));
        }
        if self.blocked.len() >= REMEMBERED {
            // The peer whose block ends first is unblocked early.
            let soonest = self.blocked.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer);
            if let Some(soonest) = soonest {
                self.blocked.insert(soonest, now);
            }
        }
        self.blocked.insert(*peer, now + budgets.block);
        Admission::Block
    }
}

impl Account {
    fn new(allowance: Allowance, now: Instant) -> Self {
        Self {
            messages: Bucket::new(allowance.messages, now),
            bytes: Bucket::new(allowance.bytes, now),
            jobs: Bucket::new(allowance.jobs, now),
            announced: Bucket::new(allowance.announced, now),
        }
    }

    fn take(&self, cost: Cost, now: Instant) -> bool {
        self.messages.try_take(cost.messages, now).is_ok()
            && self.bytes.try_take(cost.bytes, now).is_ok()
            && self.jobs.try_take(cost.jobs, now).is_ok()
            && self.announced.try_take(cost.announced, now).is_ok()
    }
}

impl Default for Budgets {
    fn default() -> Self {
        // Seven messages for each execution of a job of ten thousand shards come in one burst.
        let peer = Allowance {
            messages: Rate { per_second: 2000, burst: 100_000 },
            bytes: Rate { per_second: 32 << 20, burst: 256 << 20 },
            jobs: Rate { per_second: 500, burst: 5000 },
            announced: Rate { per_second: 1 << 20, burst: 16 << 20 },
        };
        let all = |rate: Rate| Rate { per_second: 16 * rate.per_second, burst: 16 * rate.burst };
        Self {
            peer,
            prefix: Allowance {
                messages: all(peer.messages),
                bytes: all(peer.bytes),
                jobs: all(peer.jobs),
                announced: Rate { per_second: 4 << 20, burst: 32 << 20 },
            },
            connections: Rate { per_second: 50, burst: 2000 },
            strikes: Rate { per_second: 1, burst: 100 },
            block: Duration::from_mins(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MESSAGE: Cost = Cost { messages: 1, bytes: 10, jobs: 0, announced: 0 };

    fn few(messages: u64) -> Allowance {
        Allowance { messages: Rate { per_second: messages, burst: messages }, ..Budgets::default().prefix }
    }

    fn budgets() -> Budgets {
        let strikes = Rate { per_second: 1, burst: 3 };
        Budgets { peer: few(2), prefix: few(5), strikes, block: 60 * SECOND, ..Budgets::default() }
    }

    #[test]
    fn who_is_over_budget_is_ignored_then_blocked_then_let_in_again() {
        let (budgets, peer, start) = (PeerBudgets::new(budgets()), PeerId::random(), Instant::now());
        assert_eq!(budgets.admit(&peer, MESSAGE, start), Admission::Take);
        assert_eq!(budgets.admit(&peer, MESSAGE, start), Admission::Take);
        for strikes in [-1.0, -2.0, -3.0] {
            assert_eq!(budgets.admit(&peer, MESSAGE, start), Admission::Ignore(strikes));
        }
        assert_eq!(budgets.admit(&peer, MESSAGE, start), Admission::Block);
        assert!(budgets.release(start + 59 * SECOND).is_empty());
        assert_eq!(budgets.admit(&peer, MESSAGE, start + 59 * SECOND), Admission::Block);
        assert_eq!(budgets.release(start + 60 * SECOND), [peer]);
        assert!(budgets.release(start + 60 * SECOND).is_empty());
        assert_eq!(budgets.admit(&peer, MESSAGE, start + 60 * SECOND), Admission::Take);
        assert!(budgets.score(&peer, start + 60 * SECOND) > -0.1);
    }

    #[test]
    fn names_are_free_but_their_address_is_one() {
        let (budgets, start) = (PeerBudgets::new(budgets()), Instant::now());
        let (here, there) = ("/ip4/192.0.2.1/tcp/1".parse().unwrap(), "/ip4/192.0.2.2/tcp/1".parse().unwrap());
        let mut taken = 0;
        for _ in 0..10 {
            let peer = PeerId::random();
            budgets.connected(&peer, &here, start);
            taken += usize::from(budgets.admit(&peer, MESSAGE, start) == Admission::Take);
        }
        assert_eq!(taken, 5);
        let other = PeerId::random();
        budgets.connected(&other, &there, start);
        assert_eq!(budgets.admit(&other, MESSAGE, start), Admission::Take);
    }

    #[test]
    fn one_who_floods_leaves_its_neighbours_what_is_theirs() {
        let (budgets, flooder, start) = (PeerBudgets::new(budgets()), PeerId::random(), Instant::now());
        for _ in 0..100 {
            budgets.admit(&flooder, MESSAGE, start);
        }
        assert_eq!(budgets.admit(&PeerId::random(), MESSAGE, start), Admission::Take);
    }

    #[test]
    fn bytes_jobs_and_connections_are_counted_too() {
        let start = Instant::now();
        let peer =
            Allowance { bytes: Rate { per_second: 1, burst: 100 }, jobs: Rate { per_second: 1, burst: 1 }, ..few(100) };
        let connections = Rate { per_second: 1, burst: 2 };
        let budgets = PeerBudgets::new(Budgets { peer, connections, ..budgets() });
        let (one, two) = (PeerId::random(), PeerId::random());
        let bytes = Cost { bytes: 60, ..Cost::default() };
        assert_eq!(budgets.admit(&one, bytes, start), Admission::Take);
        assert_eq!(budgets.admit(&one, bytes, start), Admission::Ignore(-1.0));
        let job = Cost { jobs: 1, ..Cost::default() };
        assert_eq!(budgets.admit(&two, job, start), Admission::Take);
        assert_eq!(budgets.admit(&two, job, start), Admission::Ignore(-1.0));
        let addr = "/ip4/192.0.2.1/tcp/1".parse().unwrap();
        let connected: Vec<bool> = (0..3).map(|_| budgets.connects(&addr, start)).collect();
        assert_eq!(connected, [true, true, false]);
    }

    #[test]
    fn nobody_can_have_another_blocked_by_repeating_it() {
        let (budgets, author, start) = (PeerBudgets::new(budgets()), PeerId::random(), Instant::now());
        let taken = (0..100).filter(|_| budgets.affords(&author, MESSAGE, start)).count();
        assert_eq!(taken, 2);
        assert_eq!(budgets.admit(&author, MESSAGE, start + SECOND), Admission::Take);
    }

    #[test]
    fn a_forger_is_blocked_sooner() {
        let (budgets, peer, start) = (PeerBudgets::new(Budgets::default()), PeerId::random(), Instant::now());
        let times = (1..100).find(|_| budgets.strike(&peer, FORGERY, start) == Admission::Block);
        assert_eq!(times, Some(6));
    }
}
