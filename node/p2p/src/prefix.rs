//! Address prefixes of peers: peer ids are free, addresses are not.

use std::net::{Ipv4Addr, Ipv6Addr};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// The minimum that one customer of a network has: an IPv4 address, or a /64 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Prefix {
    V4(Ipv4Addr),
    V6([u8; 8]),
    /// Unknown, including relayed connections.
    Other,
}

impl Prefix {
    pub(super) fn of(addr: &Multiaddr) -> Self {
        match addr.iter().next() {
            Some(Protocol::Ip4(ip)) => Self::V4(ip),
            Some(Protocol::Ip6(ip)) => ip.to_ipv4_mapped().map_or_else(
                || {
                    let mut prefix = [0; 8];
                    prefix.copy_from_slice(&ip.octets()[..8]);
                    Self::V6(prefix)
                },
                Self::V4,
            ),
            _ => Self::Other,
        }
    }
}

/// The minimum prefix of an operator, by its address: a /24 of IPv4, a /48 of IPv6. `None` when the node's address is
/// not visible: behind a relay only the relay's is, and a DNS name has no prefix.
pub(super) fn operator_prefix(addr: &Multiaddr) -> Option<String> {
    if addr.iter().any(|part| part == Protocol::P2pCircuit) {
        return None;
    }
    let v4 = |ip: Ipv4Addr| {
        let [a, b, c, _] = ip.octets();
        format!("{}/24", Ipv4Addr::new(a, b, c, 0))
    };
    let v6 = |ip: Ipv6Addr| {
        let [a, b, c, ..] = ip.segments();
        format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
    };
    match addr.iter().next()? {
        Protocol::Ip4(ip) => Some(v4(ip)),
        Protocol::Ip6(ip) => Some(ip.to_ipv4_mapped().map_or_else(|| v6(ip), v4)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_has_one_prefix() {
        let of = |addr: &str| Prefix::of(&addr.parse().unwrap());
        assert_eq!(of("/ip6/2001:db8:1:2::1/tcp/1"), of("/ip6/2001:db8:1:2:ffff::/udp/2/quic-v1"));
        assert_ne!(of("/ip6/2001:db8:1:2::1/tcp/1"), of("/ip6/2001:db8:1:3::1/tcp/1"));
        assert_eq!(of("/ip4/192.0.2.1/tcp/1"), of("/ip6/::ffff:192.0.2.1/tcp/9"));
        assert_ne!(of("/ip4/192.0.2.1/tcp/1"), of("/ip4/192.0.2.2/tcp/1"));
        assert_eq!(of("/p2p/12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"), Prefix::Other);
    }

    #[test]
    fn operators_are_told_apart_by_24_and_48_bits_and_not_through_relays() {
        let of = |addr: &str| operator_prefix(&addr.parse().unwrap());
        assert_eq!(of("/ip4/192.0.2.77/tcp/1").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(of("/ip6/::ffff:192.0.2.1/tcp/9").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(of("/ip6/2001:db8:1:2::1/udp/2/quic-v1").as_deref(), Some("2001:db8:1::/48"));
        let peer = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB";
        for unseen in [
            format!("/ip4/192.0.2.1/tcp/1/p2p/{peer}/p2p-circuit/p2p/{peer}"),
            format!("/p2p/{peer}"),
            "/dns4/node.example/tcp/1".into(),
        ] {
            assert_eq!(of(&unseen), None, "{unseen}");
        }
    }
}
