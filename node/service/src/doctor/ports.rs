//! The addresses at which a node listens.

use std::io::{ErrorKind, Result};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::Finding;
use crate::config::Config;
use bacalhau_api::Tokens;

const API: &str = "API address";
const SWARM: &str = "swarm address";

pub(super) fn all(config: &Config, is_served: bool) -> Vec<Finding> {
    let mut findings = vec![api(config, is_served)];
    findings.extend(access(config));
    let addresses = config.swarm.listen.iter().filter_map(socket);
    findings.extend(addresses.map(|(kind, address)| {
        let bound =
            if kind == "UDP" { UdpSocket::bind(address).map(drop) } else { TcpListener::bind(address).map(drop) };
        judge(SWARM, "swarm.listen", &format!("{kind} {address}"), address.port(), bound, is_served)
    }));
    if config.swarm.peers.iter().all(|peer| peer == "none") && !config.swarm.mdns {
        let text = "no peers are configured: this node waits until others connect to it; set swarm.peers (--peer), or \
                    swarm.mdns in a local network";
        findings.push(Finding::note("peers", text));
    }
    findings
}

fn api(config: &Config, is_served: bool) -> Finding {
    let address = config.api.listen;
    judge(API, "api.listen", &address.to_string(), address.port(), TcpListener::bind(address).map(drop), is_served)
}

fn access(config: &Config) -> Option<Finding> {
    match &config.api.token_file {
        Some(path) => Some(match Tokens::from_file(path) {
            Ok(tokens) => Finding::good("API tokens", format!("{tokens:?} in {}", path.display())),
            Err(error) => Finding::problem("API tokens", error.to_string()),
        }),
        None if config.api.listen.ip().is_loopback() => None,
        None => Some(Finding::note(
            "API tokens",
            format!(
                "every client that reaches {} may submit jobs: set api.token_file (--api-token-file)",
                config.api.listen
            ),
        )),
    }
}

/// `port` 0 is chosen by the system.
fn judge(check: &'static str, key: &str, address: &str, port: u16, bound: Result<()>, is_served: bool) -> Finding {
    match bound.map_err(|error| (error.kind(), error)) {
        Ok(()) if port == 0 => Finding::good(check, format!("{address}: the system selects a free port")),
        Ok(()) => Finding::good(check, format!("{address} is free")),
        Err((ErrorKind::AddrInUse, _)) if is_served => {
            Finding::good(check, format!("{address} is in use, and a node serves this data directory"))
        }
        Err((ErrorKind::AddrInUse, _)) => Finding::problem(
            check,
            format!("{address} is in use by another process: end that process, or change {key}"),
        ),
        Err((ErrorKind::AddrNotAvailable, _)) => Finding::problem(
            check,
            format!("{address} is not an address of this machine: change {key} to one that `ip address` shows"),
        ),
        Err((ErrorKind::PermissionDenied, _)) => Finding::problem(
            check,
            format!("{address} is not allowed for this user: change {key} to a port above 1023"),
        ),
        Err((_, error)) => Finding::problem(check, format!("cannot listen at {address}: {error}; change {key}")),
    }
}

/// The socket address of a multiaddr, if it has one.
fn socket(addr: &Multiaddr) -> Option<(&'static str, SocketAddr)> {
    let mut parts = addr.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(("TCP", SocketAddr::new(ip, port))),
        Protocol::Udp(port) => Some(("UDP", SocketAddr::new(ip, port))),
        _ => None,
    }
}
