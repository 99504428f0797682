//! Limits on dials to addresses that others name, by port and by address.
//!
//! Names are free, and anybody can announce names with an address of somebody else. Without limits, nodes could be made
//! to flood that address.

use std::time::Instant;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use bacalhau_values::budget::{Buckets, Rate};

use super::prefix::Prefix;

/// Dials to one port of an address.
const PORT: Rate = Rate { per_second: 1, burst: 16 };
/// Dials to one IP address, or /64 of IPv6. All DNS names count as one address.
const HOST: Rate = Rate { per_second: 4, burst: 256 };
/// Maximum addresses that are counted at once; the least recently dialed ones are forgotten.
const COUNTED: usize = 4096;
/// Maximum bytes of an address.
const ADDR_BYTES: usize = 512;

/// Limits by port and by address, with the dials so far.
pub(super) struct DialLimits {
    ports: Buckets<Multiaddr>,
    hosts: Buckets<Prefix>,
}

impl DialLimits {
    pub(super) fn new() -> Self {
        Self { ports: Buckets::new(PORT, COUNTED), hosts: Buckets::new(HOST, COUNTED) }
    }

    /// Whether `addr` may be dialed now; if so, the dial is counted. Peers behind a relay share its address, so there
    /// only that is counted.
    pub(super) fn allowed(&self, addr: &Multiaddr, now: Instant) -> bool {
        let relayed = addr.iter().any(|part| part == Protocol::P2pCircuit);
        let port: Multiaddr = addr.iter().take(2).collect();
        addr.len() <= ADDR_BYTES
            && (relayed || self.ports.try_take(&port, 1, now).is_ok())
            && self.hosts.try_take(&Prefix::of(addr), 1, now).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use libp2p::PeerId;

    use super::*;

    /// How many of `addrs` may be dialed, at once.
    fn dialed(dials: &DialLimits, addrs: impl Iterator<Item = String>, now: Instant) -> usize {
        addrs.filter(|addr| dials.allowed(&addr.parse().unwrap(), now)).count()
    }

    #[test]
    fn many_names_at_one_address_are_a_limited_number_of_dials() {
        let now = Instant::now();
        let names = || (0..2000).map(|_| PeerId::random());
        for (kind, addrs, most) in [
            ("one port", names().map(|peer| format!("/ip4/192.0.2.1/tcp/80/p2p/{peer}")).collect::<Vec<_>>(), 16),
            ("ports", (1..2000).map(|port| format!("/ip4/192.0.2.2/tcp/{port}")).collect(), 256),
            ("a /64", (1..2000).map(|host| format!("/ip6/2001:db8::{host:x}/tcp/80")).collect(), 256),
            ("DNS names", (1..2000).map(|name| format!("/dns4/h{name}.example/tcp/80")).collect(), 256),
            ("relays", names().map(|peer| format!("/ip4/192.0.2.3/tcp/80/p2p/{peer}/p2p-circuit")).collect(), 256),
            ("a long name", vec![format!("/dns4/{}.example/tcp/80", "a".repeat(600))], 0),
        ] {
            let dials = DialLimits::new();
            assert_eq!(dialed(&dials, addrs.iter().cloned(), now), most, "{kind}");
        }
    }

    #[test]
    fn an_address_may_be_dialed_again_later_and_others_meanwhile() {
        let (dials, now) = (DialLimits::new(), Instant::now());
        let addr = || "/ip4/192.0.2.1/tcp/80".to_owned();
        dialed(&dials, (0..100).map(|_| addr()), now);
        assert_eq!(dialed(&dials, (0..100).map(|host| format!("/ip4/192.0.2.{}/tcp/80", host + 2)), now), 100);
        assert_eq!(dialed(&dials, (0..100).map(|_| addr()), now + Duration::from_secs(5)), 5);
    }
}
