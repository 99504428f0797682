//! How bytes get from node to node: which addresses are spoken, by what they are reached, and what to say when they are not.

use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::transport::{Boxed, OrTransport};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::DialError;
use libp2p::{Multiaddr, PeerId, Transport, dns, noise, quic, relay, yamux};

use super::port::Tcp;

pub(super) const SPOKEN: &str = "only /ip4, /ip6, /dns and /dnsaddr addresses with /tcp or /udp/…/quic-v1 are spoken, such as \
                                 /ip4/127.0.0.1/tcp/4001/p2p/PEER, and /p2p-circuit behind one of them";

type Connection = (PeerId, StreamMuxerBox);

/// TCP with noise and yamux, and QUIC; names resolved by the system, where there is a resolver: a machine without one
/// still reaches numbers. And whatever a relay carries.
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

/// Whether the address is one of those that are spoken. What it names may still not be there.
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

/// Whom an address leads to, if it says so: behind a relay, not the relay.
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

/// In one line, for people.
pub(super) fn why(error: &DialError) -> String {
    match error {
        DialError::LocalPeerId { .. } => "that is this node itself".into(),
        DialError::WrongPeerId { obtained, .. } => format!("the peer there is {obtained}"),
        DialError::Denied { cause } => denied(cause),
        DialError::NoAddresses => "nobody knows where it is".into(),
        DialError::Transport(tried) => {
            let tried: Vec<_> = tried.iter().map(|(_, error)| transport_why(error)).collect();
            tried.join("; ")
        }
        other => other.to_string().replace('\n', " "),
    }
}

/// Which of the node's rules forbids the connection.
fn denied(cause: &libp2p::swarm::ConnectionDenied) -> String {
    use libp2p::allow_block_list::{Blocked, NotAllowed};
    if cause.downcast_ref::<NotAllowed>().is_some() {
        "this node speaks only to peers that it is told, and this is none of them".into()
    } else if cause.downcast_ref::<Blocked>().is_some() {
        "this node has blocked that peer for a while".into()
    } else {
        "this node has as many connections as it may have".into()
    }
}

pub(super) fn transport_why(error: &libp2p::TransportError<std::io::Error>) -> String {
    match error {
        libp2p::TransportError::MultiaddrNotSupported(_) => SPOKEN.into(),
        libp2p::TransportError::Other(error) => innermost(error),
    }
}

/// What is wrong at the bottom: what is around it repeats itself.
fn innermost(error: &std::io::Error) -> String {
    let mut at: &dyn std::error::Error = error;
    while let Some(source) = at.source() {
        at = source;
    }
    // The resolver's errors are lists of lines, under a headline.
    let text = at.to_string();
    let lines: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("- ")).collect();
    if lines.is_empty() { text } else { lines.join("; ") }
}
