//! Providers that routers name: routers are asked for the providers of a CID, by the HTTP API Routing V1, and the gateways and peers of
//! Bitswap that they name are asked for the blocks. What comes is checked, so neither a router nor a provider is believed.

mod answer_error;
mod endpoint;
mod endpoint_error;
mod find;
mod group;
mod local;
mod lookup;
mod peers;
mod pool;
mod record;
mod routed;
mod router;

use std::time::Duration;

use url::Url;

use crate::Gateway;
use bacalhau_http::Reach;

pub use find::{Answered, Findings, FoundProvider};
pub use peers::{Dialing, PeerNetwork};
pub use routed::Routed;
pub use router::{RouterAddress, RouterError};

/// The protocol of Bitswap in records.
const BITSWAP: &str = "transport-bitswap";
/// The protocol of trustless gateways.
const GATEWAY: &str = "transport-ipfs-gateway-http";
/// The protocol of Graphsync. This node names such providers and does not speak it.
const GRAPHSYNC: &str = "transport-graphsync-filecoinv1";
/// In filters: providers of which no protocol is known, and those without addresses.
const UNKNOWN: &str = "unknown";

/// Where no router is named: the network indexer, and a kubo or rainbow on this machine.
const DEFAULT: [&str; 2] = ["https://cid.contact", "local"];
/// Disables a list.
const NONE: &str = "none";
/// Time for the answer of a default router to begin.
const DEFAULT_HEAD: Duration = Duration::from_secs(2);

/// Which routers are asked, and on what terms.
#[derive(Clone, Debug)]
pub struct Routing {
    /// Those that are asked.
    pub routers: Vec<RouterAddress>,
    /// Whether the routers are the defaults: one that does not begin its answer within 2 s is given up.
    pub default: bool,
    /// Whether providers at addresses that are not public are asked.
    pub private: bool,
    /// The longest time for an answer of a router, and the longest silence of a provider.
    pub patience: Duration,
}

/// On what terms routers are asked, wherever they are named.
#[derive(Clone, Copy, Debug)]
pub struct RoutingTerms {
    /// Whether providers at addresses that are not public are asked.
    pub private: bool,
    /// The longest time for an answer of a router, and the longest silence of a provider.
    pub patience: Duration,
}

impl RoutingTerms {
    /// The routers of a user's lists of `routers` and of `providers` of blocks. If both are empty, the default
    /// routers; if only providers are named, none. `none` disables a list.
    ///
    /// # Errors
    /// When a text names no router.
    pub fn routing(self, routers: &[String], providers: &[String]) -> Result<Option<Routing>, RouterError> {
        let is_text = |text: &&String| !text.is_empty();
        let default = !routers.iter().any(|text| is_text(&text));
        if default && providers.iter().any(|text| is_text(&text)) {
            return Ok(None);
        }
        let named = routers.iter().filter(is_text).filter(|text| *text != NONE).map(String::as_str);
        let names: Vec<&str> = if default { DEFAULT.into() } else { named.collect() };
        let routers = names.into_iter().map(str::parse).collect::<Result<Vec<RouterAddress>, _>>()?;
        let Self { private, patience } = self;
        Ok((!routers.is_empty()).then_some(Routing { routers, default, private, patience }))
    }
}

/// The gateway at `url`, which may lead to addresses that are not public where `private` allows it.
fn gateway(url: Url, patience: Duration, private: bool) -> Gateway {
    Gateway::reaching(url, patience, if private { Reach::Named } else { Reach::PublicOnly })
}

impl Routing {
    fn waiting(&self) -> lookup::Waiting {
        lookup::Waiting::new(if self.default { DEFAULT_HEAD } else { self.patience }, self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routers_are_asked_if_neither_routers_nor_providers_are_named() {
        let terms = RoutingTerms { private: false, patience: Duration::from_secs(30) };
        let texts = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let said = |routers: &str, providers: &str| {
            let routing = terms.routing(&texts(routers), &texts(providers)).unwrap();
            routing.map(|routing| (routing.routers.len(), routing.default, routing.waiting().head.as_secs()))
        };
        assert_eq!(said("", ""), Some((2, true, 2)));
        assert_eq!(said("", "none"), None);
        assert_eq!(said("", "https://gateway"), None);
        assert_eq!(said("none", ""), None);
        assert_eq!(said("https://router", ""), Some((1, false, 30)));
        assert_eq!(said("https://router local", "none"), Some((2, false, 30)));
        assert!(terms.routing(&texts("x"), &[]).unwrap_err().to_string().contains("x is not a router"));
    }
}
