//! Where the provider of a record is reached: the addresses of it that a gateway or a peer of Bitswap may be at. Nothing is
//! connected to here, and no name is looked up.

use std::net::IpAddr;

use multiaddr::{Multiaddr, PeerId, Protocol};
use url::{Host, Url};

use super::endpoint_error::EndpointError;
use super::record::Record;
use super::{BITSWAP, GATEWAY};
use bacalhau_cas::Cid;
use bacalhau_http::is_public;

/// The codec of a CID that is a peer ID.
const LIBP2P_KEY: u64 = 0x72;

/// A place that can be asked for blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A trustless gateway, by the URL before `/ipfs/`.
    Gateway(Url),
    /// A peer of Bitswap: an address that ends in `/p2p/` and its ID.
    Peer(Multiaddr),
}

/// The endpoints of a record, and why its other addresses are not among them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Endpoints {
    pub(super) usable: Vec<Endpoint>,
    /// Reasons, each once.
    pub(super) refused: Vec<EndpointError>,
}

impl Endpoints {
    /// Of `record`; those at addresses that are not public only where `private` allows it. Names are checked when they are connected to.
    pub(super) fn of(record: &Record, private: bool) -> Self {
        let (mut all, peer) = (Self::default(), peer_id(&record.id));
        for addr in &record.addrs {
            match endpoint(addr, record, peer.as_ref()).and_then(|endpoint| endpoint.allowed(private)) {
                Ok(endpoint) if !all.usable.contains(&endpoint) => all.usable.push(endpoint),
                Err(why) if !all.refused.contains(&why) => all.refused.push(why),
                _ => {}
            }
        }
        all
    }
}

impl Endpoint {
    fn allowed(self, private: bool) -> Result<Self, EndpointError> {
        let literal = match &self {
            Self::Gateway(url) => match url.host() {
                Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
                Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
                Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
                    Some([127, 0, 0, 1].into())
                }
                _ => None,
            },
            Self::Peer(addr) => match addr.iter().next() {
                Some(Protocol::Ip4(address)) => Some(address.into()),
                Some(Protocol::Ip6(address)) => Some(address.into()),
                _ => None,
            },
        };
        match literal {
            Some(address) if !private && !is_public(address) => Err(EndpointError::Private(address)),
            _ => Ok(self),
        }
    }
}

/// The endpoint at `addr`: a gateway or a peer, as the record says that it speaks. Where it says nothing, the address decides.
fn endpoint(addr: &str, record: &Record, peer: Option<&PeerId>) -> Result<Endpoint, EndpointError> {
    let speaks = |protocol: &str| record.protocols.is_empty() || record.protocols.iter().any(|one| one == protocol);
    let gateway = |url| {
        if speaks(GATEWAY) {
            Ok(Endpoint::Gateway(url))
        } else {
            Err(EndpointError::Protocols(record.protocols.clone()))
        }
    };
    if !addr.starts_with('/') {
        return gateway(base_of(addr)?);
    }
    let address: Multiaddr = addr.parse().map_err(|_| EndpointError::Unreadable(addr.into()))?;
    let mut parts: Vec<Protocol<'_>> = address.iter().collect();
    let named = match parts.last() {
        Some(Protocol::P2p(id)) => Some(*id),
        _ => None,
    };
    if named.is_some() {
        parts.pop();
    }
    if let Some(url) = url_of(&parts) {
        return gateway(url);
    }
    let carried = match &parts[..] {
        [host, Protocol::Tcp(1..)] | [host, Protocol::Udp(1..), Protocol::QuicV1] => host_of(host).is_some(),
        _ => false,
    };
    if !carried {
        return Err(EndpointError::Transport(addr.into()));
    }
    if !speaks(BITSWAP) {
        return Err(EndpointError::Protocols(record.protocols.clone()));
    }
    let Some(peer) = peer.copied().or(named) else { return Err(EndpointError::NoPeer(addr.into())) };
    address.with_p2p(peer).map(Endpoint::Peer).map_err(|_| EndpointError::OtherPeer { addr: addr.into(), peer })
}

/// The URL of a gateway from the parts of a multiaddr; `None` where it is not one of HTTP.
fn url_of(parts: &[Protocol<'_>]) -> Option<Url> {
    let [host, Protocol::Tcp(port @ 1..), rest @ ..] = parts else { return None };
    let host = host_of(host)?;
    let (scheme, host) = match rest {
        [Protocol::Http] => ("http", host),
        [Protocol::Https] | [Protocol::Tls, Protocol::Http] => ("https", host),
        // The name of the certificate.
        [Protocol::Tls, Protocol::Sni(name), Protocol::Http | Protocol::Https] => ("https", name.to_string()),
        _ => return None,
    };
    base_of(&format!("{scheme}://{host}:{port}")).ok()
}

fn host_of(part: &Protocol<'_>) -> Option<String> {
    match part {
        Protocol::Ip4(address) => Some(address.to_string()),
        Protocol::Ip6(address) => Some(format!("[{address}]")),
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => Some(name.to_string()),
        _ => None,
    }
}

/// The base of a gateway's URLs, from a URL that a stranger wrote.
fn base_of(text: &str) -> Result<Url, EndpointError> {
    let url = Url::parse(text).map_err(|_| EndpointError::Unreadable(text.into()))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && !url.path().contains("/ipfs");
    match url.scheme() {
        "http" | "https" if plain && url.has_host() => Ok(url),
        "http" | "https" => Err(EndpointError::NotGateway(text.into())),
        scheme => Err(EndpointError::Scheme(scheme.into())),
    }
}

/// A peer ID as Routing V1 writes it: a multihash in base58, or a CID of a libp2p key.
pub(super) fn peer_id(text: &str) -> Option<PeerId> {
    if let Ok(peer) = text.parse() {
        return Some(peer);
    }
    let cid: Cid = text.parse().ok()?;
    (cid.codec() == LIBP2P_KEY).then(|| PeerId::from_bytes(&cid.hash().to_bytes()).ok())?
}

#[cfg(test)]
mod tests {
    use multihash::Multihash;

    use super::*;

    const ID: &str = "12D3KooWM8sovaEGU1bmiWGWAzvs47DEcXKZZTuJnpQyVTkRs2Vn";
    const OTHER: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

    /// The one address of a record, as what it is followed to, or why not.
    fn said(addr: &str, protocols: &[&str], private: bool) -> String {
        let protocols = protocols.iter().map(|text| (*text).to_owned()).collect();
        let record = Record { id: ID.into(), addrs: vec![addr.into()], protocols };
        let all = Endpoints::of(&record, private);
        match all.usable.first() {
            Some(Endpoint::Gateway(url)) => format!("gateway {url}"),
            Some(Endpoint::Peer(addr)) => format!("peer {addr}"),
            None => all.refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }

    #[test]
    fn addresses_lead_to_gateways_and_peers() {
        let peer = |addr: &str| format!("peer {addr}/p2p/{ID}");
        let gateway = |url: &str| format!("gateway {url}");
        let both = &[GATEWAY, BITSWAP][..];
        let table: [(&str, &[&str], String); 29] = [
            ("/dns4/dag.w3s.link/tcp/443/https", &[GATEWAY], gateway("https://dag.w3s.link/")),
            ("/dns/host.example/tcp/8443/tls/http", &[GATEWAY], gateway("https://host.example:8443/")),
            ("/dns6/host.example/tcp/80/http", &[GATEWAY], gateway("http://host.example/")),
            ("/ip4/8.8.8.8/tcp/443/tls/sni/host.example/http", &[GATEWAY], gateway("https://host.example/")),
            ("/ip6/2606:4700::1111/tcp/8080/http", &[GATEWAY], gateway("http://[2606:4700::1111]:8080/")),
            ("https://host.example", &[GATEWAY], gateway("https://host.example/")),
            ("https://host.example:8443/at", &[GATEWAY], gateway("https://host.example:8443/at")),
            ("/dns4/host.example/tcp/443/https", &[], gateway("https://host.example/")),
            ("/dns4/host.example/tcp/443/https", both, gateway("https://host.example/")),
            ("/ip4/8.8.8.8/tcp/4001", both, peer("/ip4/8.8.8.8/tcp/4001")),
            ("/ip4/8.8.8.8/tcp/4001", &[], peer("/ip4/8.8.8.8/tcp/4001")),
            ("/ip4/8.8.8.8/udp/4001/quic-v1", &[BITSWAP], peer("/ip4/8.8.8.8/udp/4001/quic-v1")),
            ("/dns4/host.example/tcp/4001", &[BITSWAP], peer("/dns4/host.example/tcp/4001")),
            (&format!("/ip4/8.8.8.8/tcp/4001/p2p/{ID}"), &[BITSWAP], peer("/ip4/8.8.8.8/tcp/4001")),
            (&format!("/ip4/8.8.8.8/tcp/4001/p2p/{OTHER}"), &[BITSWAP], "is of another peer".into()),
            ("/ip4/8.8.8.8/tcp/4001", &[GATEWAY], format!("{GATEWAY} is not spoken")),
            (
                "/ip4/8.8.8.8/tcp/4001",
                &["transport-graphsync-filecoinv1"],
                "transport-graphsync-filecoinv1 is not".into(),
            ),
            ("/dns4/host.example/tcp/443/https", &[BITSWAP], format!("{BITSWAP} is not spoken")),
            ("/dns4/host.example/tcp/443/wss", both, "not over TCP, QUIC or HTTP".into()),
            ("/ip4/8.8.8.8/udp/4001/quic-v1/webtransport", both, "not over TCP, QUIC or HTTP".into()),
            (&format!("/ip4/8.8.8.8/tcp/1/p2p/{OTHER}/p2p-circuit"), both, "not over TCP, QUIC or HTTP".into()),
            ("/dnsaddr/bootstrap.libp2p.io", both, "not over TCP, QUIC or HTTP".into()),
            ("/ip4/8.8.8.8/tcp/0", both, "not over TCP".into()),
            ("/nonsense/1", both, "not an address that this version reads".into()),
            ("nonsense", both, "not an address that this version reads".into()),
            ("ftp://host.example/", both, "ftp:// is not spoken".into()),
            ("https://user:secret@host.example/", both, "not the address of a gateway".into()),
            ("https://host.example/ipfs/bafy", both, "not the address of a gateway".into()),
            ("https://host.example/?x", both, "not the address of a gateway".into()),
        ];
        for (addr, protocols, wanted) in table {
            let said = said(addr, protocols, false);
            let same = if wanted.starts_with("gateway") || wanted.starts_with("peer ") {
                said == wanted
            } else {
                said.contains(&wanted)
            };
            assert!(same, "{addr} {protocols:?}: {said}");
        }
    }

    #[test]
    fn routers_cannot_steer_a_node_to_its_own_network() {
        let addrs = [
            "/ip4/127.0.0.1/tcp/4001",
            "/ip6/::1/tcp/4001",
            "/ip6/::ffff:10.0.0.1/tcp/4001",
            "/ip4/169.254.169.254/tcp/80/http",
            "/ip4/192.168.1.1/udp/4001/quic-v1",
            "/dns4/localhost/tcp/8080/http",
            "http://10.0.0.1/",
            "http://0x7f.1/",
            "http://a.localhost:1/",
            "http://[fd00::1]/",
        ];
        for addr in addrs {
            assert!(said(addr, &[], false).contains("not a public address"), "{addr}: {}", said(addr, &[], false));
            let private = said(addr, &[], true);
            assert!(private.starts_with("peer ") || private.starts_with("gateway "), "{addr}: {private}");
        }
    }

    #[test]
    fn peer_ids_are_written_in_two_ways() {
        let peer: PeerId = ID.parse().unwrap();
        let cid = Cid::new_v1(LIBP2P_KEY, Multihash::from_bytes(&peer.to_bytes()).unwrap());
        assert_eq!((peer_id(ID), peer_id(&cid.to_string())), (Some(peer), Some(peer)));
        assert_eq!((peer_id("anything"), peer_id("bafkqaaa"), peer_id("")), (None, None, None));
    }
}
