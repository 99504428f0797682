//! Finds the addresses of a peer: those given by the caller, those in Kademlia, and finally by a query to other nodes.

use libp2p::kad::{self, QueryId};
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, Swarm};
use tokio::sync::oneshot;

use super::{ADDRS, Jobs};
use crate::ConnectError;
use crate::behaviour::Behaviour;
use crate::connect::is_spoken;

/// A peer that is being looked for.
#[derive(Default)]
pub(super) struct Reaching {
    waiting: Vec<oneshot::Sender<Result<(), ConnectError>>>,
    dial: Option<ConnectionId>,
    /// Whether other nodes were queried.
    asked: bool,
}

impl Jobs {
    /// Connects to `peer`, wherever it is.
    pub(super) fn reach(
        &mut self,
        swarm: &mut Swarm<Behaviour>,
        peer: PeerId,
        addrs: Vec<Multiaddr>,
        reply: oneshot::Sender<Result<(), ConnectError>>,
    ) {
        if swarm.is_connected(&peer) {
            let _ = reply.send(Ok(()));
            return;
        }
        let reaching = self.reaching.entry(peer).or_default();
        reaching.waiting.push(reply);
        if reaching.waiting.len() == 1 {
            let addrs = addrs.into_iter().filter(is_spoken).take(ADDRS).collect();
            self.dial_peer(swarm, peer, addrs);
        }
    }

    /// Dials it at `addrs` and at addresses in Kademlia.
    fn dial_peer(&mut self, swarm: &mut Swarm<Behaviour>, peer: PeerId, addrs: Vec<Multiaddr>) {
        let options = DialOpts::peer_id(peer)
            .addresses(addrs)
            .extend_addresses_through_behaviour()
            .condition(PeerCondition::Always)
            .build();
        let connection = options.connection_id();
        if let Some(reaching) = self.reaching.get_mut(&peer) {
            reaching.dial = Some(connection);
        }
        if let Err(error) = swarm.dial(options) {
            self.not_reached(swarm, peer, connection, &(&error).into());
        }
    }

    /// The peer is connected.
    pub(super) fn reached(&mut self, peer: &PeerId) {
        for reply in self.reaching.remove(peer).into_iter().flat_map(|reaching| reaching.waiting) {
            let _ = reply.send(Ok(()));
        }
    }

    /// A dial failed: queries other nodes, once.
    pub(super) fn not_reached(
        &mut self,
        swarm: &mut Swarm<Behaviour>,
        peer: PeerId,
        dial: ConnectionId,
        why: &ConnectError,
    ) {
        let Some(reaching) = self.reaching.get_mut(&peer).filter(|reaching| reaching.dial == Some(dial)) else {
            return;
        };
        reaching.dial = None;
        let jobs = swarm.behaviour_mut().jobs.as_mut().filter(|_| !reaching.asked);
        if let Some(jobs) = jobs.filter(|_| self.shared.peer_table.count() > 0) {
            reaching.asked = true;
            self.lookups.insert(jobs.kad.get_closest_peers(peer), peer);
            return;
        }
        for reply in self.reaching.remove(&peer).into_iter().flat_map(|reaching| reaching.waiting) {
            let _ = reply.send(Err(why.clone()));
        }
    }

    pub(super) fn looked_up(
        &mut self,
        swarm: &mut Swarm<Behaviour>,
        id: QueryId,
        found: Vec<kad::PeerInfo>,
        last: bool,
    ) {
        let Some(peer) = self.lookups.get(&id).copied() else { return };
        let addrs = found.into_iter().find(|info| info.peer_id == peer).map(|info| info.addrs);
        if addrs.is_some() || last {
            self.lookups.remove(&id);
            let addrs = addrs.unwrap_or_default().into_iter().filter(is_spoken).take(ADDRS).collect();
            self.dial_peer(swarm, peer, addrs);
        }
    }
}
