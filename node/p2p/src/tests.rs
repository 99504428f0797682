//! Nodes that find each other, and say why when they do not.

use std::net::TcpListener;
use std::time::Duration;

use libp2p::multiaddr::Protocol;

use super::*;

fn listening() -> Host {
    Host::start(&HostConfig { listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()], ..HostConfig::default() }).unwrap()
}

fn why(host: &Host, addr: &str) -> String {
    host.connect(&addr.parse().unwrap()).unwrap_err().to_string()
}

#[test]
fn nodes_connect_by_address() {
    let (a, b) = (listening(), Host::start(&HostConfig::default()).unwrap());
    assert!(b.listen_addrs().is_empty());
    assert_eq!(b.connect(&a.listen_addrs()[0]).unwrap(), a.peer_id());
    // Again, and without the name of the peer.
    assert_eq!(b.connect(&a.listen_addrs()[0]).unwrap(), a.peer_id());
    let mut unnamed = a.listen_addrs()[0].clone();
    unnamed.pop();
    assert_eq!(b.connect(&unnamed).unwrap(), a.peer_id());
}

#[test]
fn who_cannot_be_reached_is_said() {
    let (a, b) = (listening(), Host::start(&HostConfig::default()).unwrap());
    let mut other = a.listen_addrs()[0].clone();
    other.pop();
    let somebody = Identity::ephemeral().peer_id();
    assert!(why(&b, &format!("{other}/p2p/{somebody}")).ends_with(&format!("the peer there is {}", a.peer_id())));
    let udp = why(&b, "/ip4/127.0.0.1/udp/1");
    assert!(udp.contains("only /ip4, /ip6, /dns and"), "{udp}");
    assert!(why(&b, "/ip4/127.0.0.1/tcp/1").contains("refused"));
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("/ip4/127.0.0.1/tcp/{}", port.local_addr().unwrap().port());
    let config = HostConfig { listen: vec![taken.parse().unwrap()], ..HostConfig::default() };
    assert!(Host::start(&config).unwrap_err().to_string().starts_with(&format!("cannot listen on {taken}: ")));
}

/// A node dials from the port that it listens at, so that others learn an address of it that lasts. On another address of
/// the machine the port may be somebody else's.
#[test]
fn a_port_that_is_taken_elsewhere_keeps_nobody_from_dialing() {
    let (a, b) = (listening(), listening());
    let port =
        b.listen_addrs()[0].iter().find_map(|part| if let Protocol::Tcp(port) = part { Some(port) } else { None });
    let _taken = TcpListener::bind(("127.0.0.2", port.unwrap())).unwrap();
    assert_eq!(b.connect(&a.listen_addrs()[0]).unwrap(), a.peer_id());
}

#[test]
fn two_nodes_do_not_share_a_port() {
    let a = listening();
    let mut taken = a.listen_addrs()[0].clone();
    taken.pop();
    let config = HostConfig { listen: vec![taken.clone()], ..HostConfig::default() };
    let why = Host::start(&config).unwrap_err().to_string();
    assert!(why.starts_with(&format!("cannot listen on {taken}: Address already in use")), "{why}");
}

#[test]
fn a_listener_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = Host::start(&HostConfig { dial_timeout: Duration::from_millis(50), ..HostConfig::default() }).unwrap();
    let why = why(&host, &format!("/ip4/127.0.0.1/tcp/{}", silent.local_addr().unwrap().port()));
    assert!(why.to_lowercase().contains("timeout"), "{why}");
}
