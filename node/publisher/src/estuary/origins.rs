//! Selects the addresses of this node that a pinning service receives: those at which it can reach us. The API asks to
//! omit local addresses.

use multiaddr::Multiaddr;
use multiaddr::Protocol;
use url::{Host, Url};

use super::wire::MAX_ADDRS;
use bacalhau_http::is_public;

/// Of `peers`, multiaddrs that end in /p2p/ID, those for the service at `endpoint`: public ones, or without any those
/// of the local network; loopback only if the service is on this machine.
pub(super) fn origins(peers: &[String], endpoint: &Url) -> Vec<String> {
    let mut of = [Vec::new(), Vec::new(), Vec::new()];
    for text in peers {
        let Ok(addr) = text.parse::<Multiaddr>() else { continue };
        let Some(reach) = reach(&addr) else { continue };
        let list = &mut of[reach as usize];
        if !list.contains(text) {
            list.push(text.clone());
        }
    }
    let [public, network, machine] = of;
    let mut told = if public.is_empty() { network } else { public };
    if is_this_machine(endpoint) {
        told.extend(machine);
    }
    told.truncate(MAX_ADDRS);
    told
}

#[derive(Clone, Copy)]
enum Reachability {
    Public,
    Network,
    Machine,
}

/// Scope of an address; `None` without a peer ID or for unusable addresses.
fn reach(addr: &Multiaddr) -> Option<Reachability> {
    if !matches!(addr.iter().last(), Some(Protocol::P2p(_))) {
        return None;
    }
    let ip: std::net::IpAddr = match addr.iter().next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_) => {
            return Some(Reachability::Public);
        }
        _ => return None,
    };
    if ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    Some(match ip {
        ip if ip.is_loopback() => Reachability::Machine,
        ip if is_public(ip) => Reachability::Public,
        _ => Reachability::Network,
    })
}

fn is_this_machine(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use libp2p_identity::PeerId;

    use super::*;

    fn told(endpoint: &str, addrs: &[&str]) -> Vec<String> {
        let peer = PeerId::random();
        let peers: Vec<String> = addrs.iter().map(|addr| format!("{addr}/p2p/{peer}")).collect();
        let suffix = format!("/p2p/{peer}");
        let told = origins(&peers, &Url::parse(endpoint).unwrap());
        told.iter().map(|addr| addr.strip_suffix(&suffix).unwrap().to_owned()).collect()
    }

    #[test]
    fn a_service_is_told_where_it_reaches_us() {
        let (machine, network) = ("/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.5/tcp/1");
        let (public, named) = ("/ip4/8.8.8.8/udp/1/quic-v1", "/dns4/node.example/tcp/1");
        let all = [machine, network, public, named, public, "/ip4/0.0.0.0/tcp/1"];
        assert_eq!(told("https://pins.example/psa", &all), [public, named]);
        assert_eq!(told("https://pins.example", &[machine, network]), [network]);
        assert!(told("https://pins.example", &[machine]).is_empty());
        for here in ["http://127.0.0.1:3456", "http://localhost", "http://[::1]/"] {
            assert_eq!(told(here, &[machine, network]), [network, machine], "{here}");
        }
        let many: Vec<String> = (1..100).map(|port| format!("/ip4/8.8.8.8/tcp/{port}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(told("https://pins.example", &many).len(), 20);
        let nobody = ["/ip4/8.8.8.8/tcp/1".to_owned(), "no address".into()];
        assert!(origins(&nobody, &Url::parse("https://pins.example").unwrap()).is_empty());
    }
}
