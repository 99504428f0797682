//! Tells an indexer that there is a new advertisement: `PUT` of an announce message as JSON
//! (<https://github.com/ipni/specs/blob/main/IPNI.md#http-1>). It then fetches the chain from the addresses in the message.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use multiaddr::{Multiaddr, PeerId, Protocol};
use serde::Serialize;
use url::{Host, Url};

use crate::dag_json::Link;
use bacalhau_cas::Cid;
use bacalhau_http::{Client, HttpError, Reach, Terms};

/// The longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The message, as the reference implementation writes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    cid: Link,
    /// Bytes of multiaddrs, each in base64.
    addrs: Vec<String>,
    extra_data: Option<String>,
    orig_peer: &'static str,
}

/// Where the chain at `url` is, as a multiaddr with the peer that signs it. `None` where the URL has a path: multiaddrs of the specification
/// have none.
pub(crate) fn multiaddr_of(url: &Url, peer: PeerId) -> Option<Multiaddr> {
    let host = match url.host()? {
        Host::Ipv4(address) => Protocol::Ip4(address),
        Host::Ipv6(address) => Protocol::Ip6(address),
        Host::Domain(name) => Protocol::Dns(name.into()),
    };
    let scheme = if url.scheme() == "https" { Protocol::Https } else { Protocol::Http };
    let port = url.port_or_known_default()?;
    let plain = url.path().trim_end_matches('/').is_empty();
    plain.then(|| Multiaddr::empty().with(host).with(Protocol::Tcp(port)).with(scheme).with(Protocol::P2p(peer)))
}

/// Tells the indexer at `indexer` that `head` is at `at`.
///
/// # Errors
/// Why it does not take it.
pub(crate) fn tell(indexer: &Url, head: &Cid, at: &Multiaddr) -> Result<(), HttpError> {
    let message =
        Message { cid: Link(*head), addrs: vec![BASE64_STANDARD.encode(at.to_vec())], extra_data: None, orig_peer: "" };
    let body = serde_json::to_vec(&message).map_err(|error| HttpError::Failed(error.to_string()))?;
    let terms = Terms { reach: Reach::Named, patience: PATIENCE, total: Some(PATIENCE), idle_connections: 0 };
    let answer = Client::new(terms).put(indexer, &[("Content-Type", "application/json")], &body[..]);
    answer.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_multiaddrs_with_the_signer() {
        let peer: PeerId = "12D3KooWM8sovaEGU1bmiWGWAzvs47DEcXKZZTuJnpQyVTkRs2Vn".parse().unwrap();
        let table = [
            ("https://node.example", Some("/dns/node.example/tcp/443/https")),
            ("http://node.example:1237/", Some("/dns/node.example/tcp/1237/http")),
            ("http://8.8.8.8", Some("/ip4/8.8.8.8/tcp/80/http")),
            ("https://[2606:4700::1111]:1", Some("/ip6/2606:4700::1111/tcp/1/https")),
            ("https://node.example/at", None),
        ];
        for (url, wanted) in table {
            let found = multiaddr_of(&url.parse().unwrap(), peer).map(|addr| addr.to_string());
            assert_eq!(found, wanted.map(|addr| format!("{addr}/p2p/{peer}")), "{url}");
        }
    }
}
