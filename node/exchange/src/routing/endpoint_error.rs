//! Why an address of a provider is not contacted.

use std::net::IpAddr;

use multiaddr::PeerId;

/// Why an address in a record of a router is not an endpoint of this node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EndpointError {
    /// An address of a private network.
    #[error("{0} is not a public address (--ipfs-router-private contacts it)")]
    Private(IpAddr),
    /// Neither a multiaddr nor a URL that is known here.
    #[error("{0} is not an address that this version reads")]
    Unreadable(String),
    /// A URL that is not the base of a gateway.
    #[error("{0} is not the address of a gateway")]
    NotGateway(String),
    /// A URL with another scheme.
    #[error("{0}:// is not spoken by this node")]
    Scheme(String),
    /// The provider has other protocols only.
    #[error("{} is not spoken by this node", .0.join(", "))]
    Protocols(Vec<String>),
    /// Another transport.
    #[error("{0} is not over TCP, QUIC or HTTP")]
    Transport(String),
    /// An address of a peer without its id.
    #[error("{0} has no peer ID")]
    NoPeer(String),
    /// An address of another peer than that of the record.
    #[error("{addr} is of another peer than {peer}")]
    OtherPeer {
        /// The address.
        addr: String,
        /// The peer of the record.
        peer: PeerId,
    },
}
