//! Connections that come from another address of this machine: all of 127.0.0.0/8 is.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// An address that leads to where `to` leads, over connections that come from `from`.
pub(crate) fn detour(from: impl Into<Ipv4Addr>, to: &str) -> Multiaddr {
    let to: Multiaddr = to.parse().unwrap();
    let from = IpAddr::V4(from.into());
    let target = to.iter().fold(SocketAddr::from(([127, 0, 0, 1], 0)), |mut target, part| {
        match part {
            Protocol::Ip4(ip) => target.set_ip(ip.into()),
            Protocol::Tcp(port) => target.set_port(port),
            _ => {}
        }
        target
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            if let Ok(far) = connect(from, target) {
                carry(&near, &far);
                carry(&far, &near);
            }
        }
    });
    let changed = to.iter().map(|part| if matches!(part, Protocol::Tcp(_)) { Protocol::Tcp(port) } else { part });
    changed.collect()
}

fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        socket.connect(to).await?.into_std()
    })?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Copies one way on a thread of its own, and ends both ways at its end.
fn carry(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        for end in [from, to] {
            let _ = end.shutdown(std::net::Shutdown::Both);
        }
    });
}
