//! Routers and the providers that they name, as one provider: a block is asked of those that had the last one, and of those that routers name
//! for it when these have not got it.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use multiaddr::Multiaddr;
use url::Url;

use super::endpoint::Endpoint;
use super::group::{Group, Groups};
use super::local::Local;
use super::lookup::{Lookup, Waiting, look_up};
use super::peers::{PeerNetwork, PeersSide, dialable};
use super::pool::Pool;
use super::router::{Router, shown};
use super::{RouterAddress, Routing};
use crate::workers::{Fetch, Pause, Workers};
use crate::{Answers, BlockProvider, Sink, lock};
use bacalhau_cas::{Cid, DataError, identity_bytes};

/// Blocks that are looked for at once.
const WORKERS: usize = 16;
/// How long providers of another block are waited for before routers are asked.
const HEDGE: Duration = Duration::from_secs(2);
/// Gateways, and addresses of peers, that are asked of one lookup.
const MAX_GATEWAYS: usize = 8;
const MAX_PEER_ADDRS: usize = 24;
/// Addresses that are remembered so that they are not dialed again for a minute.
const MAX_DIALED: usize = 256;
const REDIAL: Duration = Duration::from_mins(1);

/// Routers and the providers that they name.
#[derive(Debug)]
pub struct Routed {
    side: Arc<RoutedSide>,
    workers: Workers,
}

#[derive(Debug)]
pub(super) struct RoutedSide {
    pub(super) routing: Routing,
    routers: Vec<Arc<Router>>,
    /// Those of this machine, as they answer.
    local: Option<Local>,
    pub(super) network: Option<PeerNetwork>,
    groups: Mutex<Groups>,
    pool: Mutex<Pool>,
    dialed: Mutex<HashMap<Multiaddr, Instant>>,
}

impl Routed {
    /// Routers as `routing` says. Peers of Bitswap that they name are asked through `network`, where there is one.
    pub fn new(routing: Routing, network: Option<PeerNetwork>) -> Self {
        let url = |address: &RouterAddress| match address {
            RouterAddress::Url(url) => Some(Arc::new(Router::new(url.clone(), routing.patience))),
            RouterAddress::Local => None,
        };
        let side = Arc::new(RoutedSide {
            routers: routing.routers.iter().filter_map(url).collect(),
            local: routing.routers.contains(&RouterAddress::Local).then(|| Local::new(routing.patience)),
            network,
            groups: Mutex::default(),
            pool: Mutex::new(Pool::new(routing.patience)),
            dialed: Mutex::default(),
            routing,
        });
        Self { workers: Workers::new(WORKERS, Arc::clone(&side) as Arc<dyn Fetch>), side }
    }

    pub(super) fn side(&self) -> &RoutedSide {
        &self.side
    }
}

impl BlockProvider for Routed {
    fn name(&self) -> String {
        let routers = self.side.routing.routers.iter().map(|address| match address {
            RouterAddress::Url(url) => format!("router {}", shown(url)),
            RouterAddress::Local => "router local".into(),
        });
        routers.collect::<Vec<_>>().join(", ")
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        self.workers.want(cids, answers);
    }

    fn fetch_dag(&self, root: &Cid, sink: &mut Sink<'_>) {
        let group = self.side.group(root);
        group.sides.fetch_dag(root, sink);
    }

    fn cancel(&self, cids: &[Cid]) {
        self.workers.cancel(cids);
    }
}

impl RoutedSide {
    /// Asks all routers, and names the gateways of this machine that answer.
    pub(super) fn look_up(&self, cid: &Cid, waiting: Waiting) -> (Lookup, Vec<Url>) {
        let local = self.local.as_ref().map(Local::answering).unwrap_or_default();
        let routers = self.routers.iter().cloned().chain(local.iter().map(|place| Arc::clone(&place.router)));
        let routers: Vec<Arc<Router>> = routers.collect();
        let mut lookup = look_up(&routers, cid, self.routing.private, waiting);
        if routers.is_empty() {
            lookup.said.push("router local: neither a kubo nor a rainbow answers on this machine".into());
        }
        (lookup, local.into_iter().map(|place| place.url).collect())
    }

    /// The providers of `cid`, which routers are asked for where that was not done of late.
    fn group(&self, cid: &Cid) -> Arc<Group> {
        if let Some(group) = lock(&self.groups).of(cid) {
            return group;
        }
        let (lookup, local) = self.look_up(cid, self.routing.waiting());
        let mut endpoints: Vec<Endpoint> = local.iter().cloned().map(Endpoint::Gateway).collect();
        let named = lookup.named.into_iter().flat_map(|named| named.endpoints.usable);
        for endpoint in named {
            if !endpoints.contains(&endpoint) {
                endpoints.push(endpoint);
            }
        }
        let mut sides: Vec<Arc<dyn BlockProvider>> = Vec::new();
        let mut pool = lock(&self.pool);
        for endpoint in &endpoints {
            if let Endpoint::Gateway(url) = endpoint
                && sides.len() < MAX_GATEWAYS
                && let Some(gateway) = pool.gateway(url, self.routing.private || local.contains(url))
            {
                sides.push(gateway as _);
            }
        }
        drop(pool);
        if let Some(network) = &self.network {
            let peers = endpoints
                .iter()
                .filter_map(|endpoint| if let Endpoint::Peer(addr) = endpoint { Some(addr) } else { None });
            let peers: Vec<Multiaddr> =
                peers.flat_map(|addr| dialable(addr, self.routing.private)).take(MAX_PEER_ADDRS).collect();
            for addr in peers.iter().filter(|addr| self.is_due(addr)) {
                // A peer that cannot be reached is named when the block is not found.
                drop((network.dial)(addr));
            }
            if !peers.is_empty() {
                sides.push(Arc::new(PeersSide(Arc::clone(&network.blocks))));
            }
        }
        let group = Arc::new(Group::new(sides, endpoints, lookup.said));
        lock(&self.groups).keep(cid, &group);
        group
    }

    /// Whether an address was not dialed of late; it counts as dialed now.
    fn is_due(&self, addr: &Multiaddr) -> bool {
        let (now, mut dialed) = (Instant::now(), lock(&self.dialed));
        dialed.retain(|_, at| now.saturating_duration_since(*at) < REDIAL);
        let due = dialed.len() < MAX_DIALED && !dialed.contains_key(addr);
        if due {
            dialed.insert(addr.clone(), now);
        }
        due
    }
}

impl Fetch for RoutedSide {
    fn fetch(&self, cid: &Cid, _pause: &Pause<'_>) -> Result<Bytes, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(bytes);
        }
        let mut race = Race::new(*cid);
        let own = lock(&self.groups).of(cid);
        let earlier = own.clone().or_else(|| lock(&self.groups).last());
        if let Some(group) = earlier.filter(|group| !group.is_empty()) {
            race.ask(&group);
            // Where these are the providers of the block itself, routers have no others.
            if let Some(bytes) = race.wait(own.is_none().then_some(HEDGE)) {
                lock(&self.groups).had(&race.winner(&group));
                return Ok(bytes);
            }
            if own.is_some() {
                lock(&self.groups).forget(&group);
            }
        }
        let group = self.group(cid);
        race.ask(&group);
        match race.wait(None) {
            Some(bytes) => {
                lock(&self.groups).had(&race.winner(&group));
                Ok(bytes)
            }
            None => Err(DataError::missing(cid, race.words(&group))),
        }
    }
}

/// A block that is asked of one group, or of two.
struct Race {
    cid: Cid,
    sender: Sender<(usize, Result<Bytes, DataError>)>,
    answers: Receiver<(usize, Result<Bytes, DataError>)>,
    asked: Vec<Arc<Group>>,
    said: Vec<String>,
    outstanding: usize,
    won: Option<usize>,
}

impl Race {
    fn new(cid: Cid) -> Self {
        let (sender, answers) = mpsc::channel();
        Self { cid, sender, answers, asked: Vec::new(), said: Vec::new(), outstanding: 0, won: None }
    }

    /// Asks a group, unless all of it was asked before.
    fn ask(&mut self, group: &Arc<Group>) {
        let asked = |endpoint: &Endpoint| self.asked.iter().any(|other| other.endpoints.contains(endpoint));
        if group.is_empty() || group.endpoints.iter().all(asked) {
            return;
        }
        let (index, sender) = (self.asked.len(), self.sender.clone());
        self.asked.push(Arc::clone(group));
        self.outstanding += 1;
        group.sides.want(
            &[self.cid],
            &(Arc::new(move |_, result| {
                // The receiver is gone once there is a block.
                let _ = sender.send((index, result));
            }) as Answers),
        );
    }

    /// Waits for a block, at most for `patience`. `None` when all groups lack it, or the time is over.
    fn wait(&mut self, patience: Option<Duration>) -> Option<Bytes> {
        let until = patience.map(|patience| Instant::now() + patience);
        while self.outstanding > 0 {
            let answer = match until {
                Some(until) => self.answers.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
                None => self.answers.recv().ok(),
            };
            let (index, result) = answer?;
            self.outstanding -= 1;
            match result {
                Ok(bytes) => {
                    self.won = Some(index);
                    return Some(bytes);
                }
                Err(DataError::Missing { why, .. } | DataError::Corrupt { why, .. }) => self.said.push(why),
                Err(error) => self.said.push(error.to_string()),
            }
        }
        None
    }

    /// The group that had the block.
    fn winner(&self, other: &Arc<Group>) -> Arc<Group> {
        Arc::clone(self.won.and_then(|index| self.asked.get(index)).unwrap_or(other))
    }

    /// What routers and providers said.
    fn words(&self, group: &Group) -> String {
        let mut words = group.said.clone();
        words.extend(self.said.iter().cloned());
        words.join("; ")
    }
}

impl Drop for Race {
    fn drop(&mut self) {
        if self.outstanding > 0 {
            let lost = self.asked.iter().enumerate().filter(|(index, _)| self.won != Some(*index));
            lost.for_each(|(_, group)| group.sides.cancel(&[self.cid]));
        }
    }
}

#[cfg(test)]
mod tests;
