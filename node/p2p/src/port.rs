//! TCP with two rules about ports that libp2p does not have: a port with a listener is not listened at again, and a
//! dial that cannot use the node's own port uses another one.
//!
//! libp2p sets `SO_REUSEPORT` on listeners in order to dial from their port, so that peers see a reachable address.
//! With it, the system would give the port to a second node of the same user too, and distribute connections between
//! both. It also dials from the port on all addresses of the machine: if another process has it on one of them, every
//! dial would fail.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use libp2p::core::transport::{DialOpts, ListenerId, PortUse, TransportError, TransportEvent};
use libp2p::multiaddr::Protocol;
use libp2p::tcp::tokio::{TcpStream, Transport as Inner};
use libp2p::{Multiaddr, Transport, tcp};
use socket2::{Domain, Socket, Type};

/// The TCP transport with these rules.
pub(super) struct Tcp(Inner);

impl Tcp {
    pub(super) fn new() -> Self {
        Self(Inner::new(tcp::Config::default().nodelay(true)))
    }
}

impl Transport for Tcp {
    type Output = TcpStream;
    type Error = io::Error;
    type ListenerUpgrade = <Inner as Transport>::ListenerUpgrade;
    type Dial = BoxFuture<'static, io::Result<TcpStream>>;

    fn listen_on(&mut self, id: ListenerId, addr: Multiaddr) -> Result<(), TransportError<io::Error>> {
        if let Some(socket) = fixed(&addr) {
            free(socket).map_err(TransportError::Other)?;
        }
        self.0.listen_on(id, addr)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.0.remove_listener(id)
    }

    fn dial(&mut self, addr: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        let own = self.0.dial(addr.clone(), opts)?;
        if opts.port_use == PortUse::New {
            return Ok(own);
        }
        // The future is lazy.
        let other = self.0.dial(addr, DialOpts { port_use: PortUse::New, ..opts })?;
        Ok(Box::pin(async move {
            match own.await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => other.await,
                result => result,
            }
        }))
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// The socket that an address names, if it names its port.
fn fixed(addr: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = addr.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) if port != 0 => Some((ip, port).into()),
        _ => None,
    }
}

/// Fails as a program would that shares no port.
fn free(addr: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections of a node that ended just now do not count.
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())
}
