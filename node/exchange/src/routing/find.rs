//! The providers of a CID that routers name, and whether they answer. It shows why data is not found.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use url::Url;

use super::endpoint::Endpoint;
use super::endpoint_error::EndpointError;
use super::lookup::{Named, Waiting};
use super::peers::{PeerNetwork, dialable};
use super::routed::Routed;
use crate::{Answers, BlockProvider as _};
use bacalhau_cas::Cid;

/// The longest wait for all routers.
const WAIT: Duration = Duration::from_secs(10);
/// Providers that are asked whether they answer.
const MAX_ASKED: usize = 32;

/// What is known of the providers of a CID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Those that routers name, in the order of their peer IDs.
    pub providers: Vec<FoundProvider>,
    /// What each router said, its name in front.
    pub routers: Vec<String>,
}

/// A provider that routers name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProvider {
    /// Its peer ID, as the router writes it. Empty for a gateway of this machine.
    pub id: String,
    /// The routers that name it.
    pub routers: Vec<String>,
    /// Transfer protocols. Empty where no router knows them.
    pub protocols: Vec<String>,
    /// Multiaddrs and URLs.
    pub addresses: Vec<String>,
    /// Whether it answers.
    pub answered: Answered,
}

/// Whether a provider answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It sent the block, which is right.
    Block,
    /// It can be connected to. Whether it has the block is not known.
    Connected,
    /// It does not answer, or has not the block.
    No(String),
    /// It was not asked.
    NotAsked(String),
}

/// A provider, and where it can be asked.
struct Candidate {
    found: FoundProvider,
    endpoints: Vec<Endpoint>,
    refused: Vec<EndpointError>,
    private: bool,
}

impl Routed {
    /// Asks all routers for the providers of `cid`, and probes these providers. Takes 10 s for the routers at most, and then as long
    /// as the longest silence of a provider.
    pub fn find(&self, cid: &Cid) -> Findings {
        let side = self.side();
        let waiting = Waiting { gather: WAIT, ..Waiting::new(WAIT, WAIT.min(side.routing.patience)) };
        let (lookup, local) = side.look_up(cid, waiting);
        let mut candidates = merge(lookup.named, side.routing.private);
        candidates.extend(local.into_iter().map(Candidate::local));
        let (sender, answers) = mpsc::channel();
        let count = candidates.len();
        let mut providers: Vec<Option<FoundProvider>> = vec![None; count];
        for (index, mut candidate) in candidates.into_iter().enumerate() {
            if index >= MAX_ASKED {
                candidate.found.answered = Answered::NotAsked(format!("only {MAX_ASKED} providers are asked"));
                if let Some(place) = providers.get_mut(index) {
                    *place = Some(candidate.found);
                }
                continue;
            }
            let (cid, sender, network, patience) = (*cid, sender.clone(), side.network.clone(), side.routing.patience);
            let ask = move || {
                candidate.found.answered = candidate.ask(&cid, network.as_ref(), patience);
                // The receiver lives until all probes have ended.
                let _ = sender.send((index, candidate.found));
            };
            // Without a thread it is missing from the list.
            let _ = thread::Builder::new().name("find".into()).spawn(ask);
        }
        drop(sender);
        for (index, found) in answers {
            if let Some(place) = providers.get_mut(index) {
                *place = Some(found);
            }
        }
        Findings { providers: providers.into_iter().flatten().collect(), routers: lookup.said }
    }
}

/// Each provider once, however many routers name it.
fn merge(named: Vec<Named>, private: bool) -> Vec<Candidate> {
    let mut candidates: BTreeMap<(String, String), Candidate> = BTreeMap::new();
    for Named { router, record, endpoints } in named {
        // Without an ID it is its addresses that tell it from others.
        let other = if record.id.is_empty() { record.addrs.join(",") } else { String::new() };
        let candidate = candidates.entry((record.id.clone(), other)).or_insert_with(|| Candidate {
            found: FoundProvider {
                id: record.id.clone(),
                routers: Vec::new(),
                protocols: Vec::new(),
                addresses: Vec::new(),
                answered: Answered::NotAsked(String::new()),
            },
            endpoints: Vec::new(),
            refused: Vec::new(),
            private,
        });
        add(&mut candidate.found.routers, [router]);
        add(&mut candidate.found.protocols, record.protocols);
        add(&mut candidate.found.addresses, record.addrs);
        add(&mut candidate.endpoints, endpoints.usable);
        add(&mut candidate.refused, endpoints.refused);
    }
    candidates.into_values().collect()
}

fn add<T: PartialEq>(to: &mut Vec<T>, items: impl IntoIterator<Item = T>) {
    for item in items {
        if !to.contains(&item) {
            to.push(item);
        }
    }
}

impl Candidate {
    /// The gateway of this machine at `url`.
    fn local(url: Url) -> Self {
        Self {
            found: FoundProvider {
                id: String::new(),
                routers: vec!["local".into()],
                protocols: vec![super::GATEWAY.into()],
                addresses: vec![super::router::shown(&url)],
                answered: Answered::NotAsked(String::new()),
            },
            endpoints: vec![Endpoint::Gateway(url)],
            refused: Vec::new(),
            private: true,
        }
    }

    fn ask(&self, cid: &Cid, network: Option<&PeerNetwork>, patience: Duration) -> Answered {
        if self.endpoints.is_empty() {
            let refused: Vec<String> = self.refused.iter().map(ToString::to_string).collect();
            let why = if refused.is_empty() { "no address is known".into() } else { refused.join("; ") };
            return Answered::NotAsked(why);
        }
        let mut dials = Vec::new();
        let mut gateways = Vec::new();
        let (sender, answers) = mpsc::channel();
        for endpoint in &self.endpoints {
            match (endpoint, network) {
                (Endpoint::Gateway(url), _) => {
                    let gateway = super::gateway(url.clone(), patience, self.private);
                    let sender = sender.clone();
                    let answer: Answers = Arc::new(move |_, result| {
                        // The receiver is gone once a gateway has sent the block.
                        let _ = sender.send(result);
                    });
                    gateway.want(&[*cid], &answer);
                    gateways.push(gateway);
                }
                (Endpoint::Peer(addr), Some(network)) => {
                    dials.extend(dialable(addr, self.private).iter().map(|addr| (network.dial)(addr)));
                }
                (Endpoint::Peer(_), None) => {}
            }
        }
        drop(sender);
        let mut said = Vec::new();
        for result in answers.iter().take(gateways.len()) {
            match result {
                Ok(_) => return Answered::Block,
                Err(error) => said.push(error.to_string()),
            }
        }
        for dial in dials {
            match dial() {
                Ok(()) => return Answered::Connected,
                Err(error) => said.push(error.to_string()),
            }
        }
        if said.is_empty() {
            Answered::No("none of its addresses can be contacted".into())
        } else {
            Answered::No(said.join("; "))
        }
    }
}
