//! Text forms of block sources. Parsing does not connect.

use std::fmt;
use std::str::FromStr;

use multiaddr::{Multiaddr, Protocol};
use url::Url;

/// A source of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderAddress {
    /// A peer of Bitswap: a multiaddr that ends in `/p2p/` and its ID.
    Bitswap(Multiaddr),
    /// The RPC of a kubo.
    Kubo(KuboAddress),
    /// A trustless gateway, without `/ipfs` at the end.
    Gateway(Url),
}

/// Where a kubo takes RPC calls.
#[derive(Clone, PartialEq, Eq)]
pub struct KuboAddress {
    rpc: Url,
    /// As the user wrote it, without a password.
    shown: String,
}

/// Why a text is not a valid address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text} is not a valid peer address: {why}; write /ip4/…/tcp/…/p2p/ID for a peer, /ip4/127.0.0.1/tcp/5001 or \
     http://…/api/v0 for the RPC of a kubo, https://host for a trustless gateway"
)]
pub struct ProviderAddressError {
    text: String,
    why: String,
}

impl FromStr for ProviderAddress {
    type Err = ProviderAddressError;

    fn from_str(text: &str) -> Result<Self, ProviderAddressError> {
        let peer = if text.starts_with('/') { of_multiaddr(text) } else { of_url(text) };
        peer.map_err(|why| ProviderAddressError { text: text.into(), why })
    }
}

impl KuboAddress {
    /// The URL below which the calls are.
    pub fn rpc(&self) -> &Url {
        &self.rpc
    }
}

impl fmt::Display for KuboAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// As it is shown, since its URL may hold a password.
impl fmt::Debug for KuboAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn of_multiaddr(text: &str) -> Result<ProviderAddress, String> {
    let address: Multiaddr = text.parse().map_err(|error| format!("it is not a multiaddr ({error})"))?;
    let parts: Vec<Protocol<'_>> = address.iter().collect();
    if parts.iter().any(|part| matches!(part, Protocol::P2p(_))) {
        return match &parts[..] {
            [host, Protocol::Tcp(1..), Protocol::P2p(_)] if host_of(host).is_some() => {
                Ok(ProviderAddress::Bitswap(address))
            }
            _ => Err("peers are reached by a host, /tcp/PORT and /p2p/ID, in this order".into()),
        };
    }
    let (host, port, rest) = match &parts[..] {
        [host, Protocol::Tcp(port @ 1..), rest @ ..] => (host_of(host), *port, rest),
        _ => return Err("an address without /p2p/ID must be that of a kubo's RPC, with a host and /tcp/PORT".into()),
    };
    let scheme = match rest {
        [] | [Protocol::Http] => "http",
        [Protocol::Https] | [Protocol::Tls, Protocol::Http] => "https",
        _ => return Err("after /tcp/PORT of a kubo's RPC there may be /http or /https only".into()),
    };
    let host = host.ok_or("it does not begin with /ip4/, /ip6/, /dns/, /dns4/ or /dns6/")?;
    let rpc = Url::parse(&format!("{scheme}://{host}:{port}/api/v0")).map_err(|error| error.to_string())?;
    Ok(ProviderAddress::Kubo(KuboAddress { rpc, shown: text.into() }))
}

fn host_of(part: &Protocol<'_>) -> Option<String> {
    match part {
        Protocol::Ip4(address) => Some(address.to_string()),
        Protocol::Ip6(address) => Some(format!("[{address}]")),
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => Some(name.to_string()),
        _ => None,
    }
}

fn of_url(text: &str) -> Result<ProviderAddress, String> {
    if !text.contains("://") {
        return Err("it is neither a multiaddr nor a URL".into());
    }
    let mut url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("unsupported scheme {}://", url.scheme()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a query or fragment is not allowed".into());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    if path.ends_with("/api/v0") {
        url.set_path(&path);
        let mut shown = url.clone();
        // Both can be set on a URL with a host, as these are.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        return Ok(ProviderAddress::Kubo(KuboAddress { rpc: url, shown: shown.into() }));
    }
    if path.contains("/ipfs/") || path.contains("/ipns/") {
        return Err("that is an address in a gateway, not of one".into());
    }
    url.set_path(path.strip_suffix("/ipfs").unwrap_or(&path));
    Ok(ProviderAddress::Gateway(url))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

    fn said(text: &str) -> String {
        match text.parse() {
            Ok(ProviderAddress::Bitswap(address)) => format!("bitswap {address}"),
            Ok(ProviderAddress::Kubo(address)) => format!("kubo {}", address.rpc()),
            Ok(ProviderAddress::Gateway(url)) => format!("gateway {url}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn who_is_meant() {
        let table = [
            ("/ip4/127.0.0.1/tcp/5001", "kubo http://127.0.0.1:5001/api/v0"),
            ("/ip6/::1/tcp/5001/http", "kubo http://[::1]:5001/api/v0"),
            ("/dns4/kubo.example/tcp/443/https", "kubo https://kubo.example/api/v0"),
            ("/dns/kubo.example/tcp/5001/tls/http", "kubo https://kubo.example:5001/api/v0"),
            ("http://localhost:5001/api/v0/", "kubo http://localhost:5001/api/v0"),
            ("https://host/prefix/api/v0", "kubo https://host/prefix/api/v0"),
            ("https://ipfs.io", "gateway https://ipfs.io/"),
            ("HTTPS://ipfs.io/ipfs/", "gateway https://ipfs.io/"),
            ("http://127.0.0.1:8080/at/", "gateway http://127.0.0.1:8080/at"),
            ("/ip4/127.0.0.1/udp/5001", "with a host and /tcp/PORT"),
            ("/ip4/127.0.0.1/tcp/0", "with a host and /tcp/PORT"),
            ("/ip4/127.0.0.1", "with a host and /tcp/PORT"),
            ("/memory/1/tcp/5001", "it does not begin with /ip4/"),
            ("/ip4/127.0.0.1/tcp/5001/ws", "/http or /https only"),
            ("/ip4/300.0.0.1/tcp/5001", "it is not a multiaddr"),
            ("/tmp/kubo.sock", "it is not a multiaddr"),
            ("localhost:5001", "neither a multiaddr nor a URL"),
            ("", "neither a multiaddr nor a URL"),
            ("ftp://host/", "unsupported scheme ftp://"),
            ("http://", "empty host"),
            ("https://host/?x", "a query or fragment"),
            ("https://ipfs.io/ipfs/bafy", "an address in a gateway"),
        ];
        for (text, end) in table {
            assert!(said(text).contains(end), "{text}: {}", said(text));
        }
        let peer = format!("/ip4/127.0.0.1/tcp/4001/p2p/{ID}");
        assert_eq!(said(&peer), format!("bitswap {peer}"));
        let peers = [
            format!("/p2p/{ID}"),
            format!("/ip4/1.2.3.4/udp/4001/quic-v1/p2p/{ID}"),
            format!("{peer}/p2p-circuit/p2p/{ID}"),
        ];
        for peer in peers {
            assert!(said(&peer).contains("/tcp/PORT and /p2p/ID"), "{peer}: {}", said(&peer));
        }
        assert!(said("nonsense").contains("write /ip4/"));
        let Ok(ProviderAddress::Kubo(kubo)) = "https://u:secret@host/api/v0".parse() else { panic!("no kubo") };
        assert_eq!((kubo.to_string().as_str(), kubo.rpc().password()), ("https://host/api/v0", Some("secret")));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "\\PC*") {
            let _ = text.parse::<ProviderAddress>();
        }

        #[test]
        fn addresses_are_read_again_as_they_are(host in any::<[u8; 4]>(), port in 1_u16..) {
            let [a, b, c, d] = host;
            let text = format!("/ip4/{a}.{b}.{c}.{d}/tcp/{port}");
            let Ok(ProviderAddress::Kubo(kubo)) = text.parse::<ProviderAddress>() else { panic!("{text}") };
            prop_assert_eq!(kubo.to_string(), text);
            prop_assert_eq!(kubo.rpc().to_string().parse::<ProviderAddress>().is_ok(), true);
        }
    }
}
