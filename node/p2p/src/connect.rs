//! The transport: supported addresses and protocols.

use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::transport::{Boxed, OrTransport};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, Transport, dns, noise, quic, relay, yamux};

use super::port::Tcp;

type Connection = (PeerId, StreamMuxerBox);

/// TCP with noise and yamux, QUIC, and relayed connections. Names are resolved by the system if it has a resolver.
pub(super) fn transport(
    key: &Keypair,
    timeout: Duration,
    relayed: Option<relay::client::Transport>,
) -> std::io::Result<Boxed<Connection>> {
    let noise = || noise::Config::new(key).map_err(std::io::Error::other);
    let direct = || {
        let tcp = Tcp::new()
            .upgrade(Version::V1Lazy)
            .authenticate(noise()?)
            .multiplex(yamux::Config::default())
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
        let quic = quic::tokio::Transport::new(quic::Config::new(key))
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
        Ok::<_, std::io::Error>(OrTransport::new(tcp, quic).map(|either, _| either.into_inner()))
    };
    let named = match dns::tokio::Transport::system(direct()?) {
        Ok(named) => named.boxed(),
        Err(_) => direct()?.boxed(),
    };
    let all = match relayed {
        None => named,
        Some(relayed) => {
            let relayed = relayed
                .upgrade(Version::V1Lazy)
                .authenticate(noise()?)
                .multiplex(yamux::Config::default())
                .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
            OrTransport::new(relayed, named).map(|either, _| either.into_inner()).boxed()
        }
    };
    Ok(TransportTimeout::new(all, timeout).boxed())
}

/// Whether the address is supported. Its target may not exist.
pub(super) fn is_spoken(addr: &Multiaddr) -> bool {
    let mut parts = addr.iter().peekable();
    match parts.next() {
        Some(Protocol::Ip4(_) | Protocol::Ip6(_) | Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_)) => {}
        Some(Protocol::Dnsaddr(_)) => return true,
        _ => return false,
    }
    let carried = match parts.next() {
        Some(Protocol::Tcp(_)) => true,
        Some(Protocol::Udp(_)) => matches!(parts.next(), Some(Protocol::QuicV1)),
        _ => false,
    };
    carried && parts.all(|part| matches!(part, Protocol::P2p(_) | Protocol::P2pCircuit))
}

/// Peer ID of an address, if it has one: behind a relay that of the target.
pub(super) fn peer_of(addr: &Multiaddr) -> Option<PeerId> {
    match addr.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}

/// Whether an address is one of this machine only.
pub(super) fn is_loopback(addr: &Multiaddr) -> bool {
    match addr.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    }
}
