//! The routing table of Kademlia, without records, with limits on dials to one address: a lookup dials the twenty names
//! that are nearest to its target, and a node that refreshes its table makes up to one lookup for each bucket.

use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::kad::store::MemoryStore;
use libp2p::kad::{self, Behaviour, QueryId};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use super::behaviour::KAD;
use super::dial_limits::DialLimits;

/// Addresses of one peer that are dialed.
const PER_PEER: usize = 16;

/// The routing table and the limits on dials to addresses in it.
pub(super) struct Kademlia {
    table: Behaviour<MemoryStore>,
    dials: DialLimits,
}

impl Kademlia {
    /// The table is announced and queried once the node is known to be reachable. Peers cannot store data here.
    pub(super) fn new(peer: PeerId) -> Self {
        let mut config = kad::Config::new(KAD);
        config.set_record_filtering(kad::StoreInserts::FilterBoth);
        let table = Behaviour::with_config(peer, MemoryStore::new(peer), config);
        Self { table, dials: DialLimits::new() }
    }

    pub(super) fn add_address(&mut self, peer: &PeerId, addr: Multiaddr) {
        self.table.add_address(peer, addr);
    }

    pub(super) fn get_closest_peers(&mut self, peer: PeerId) -> QueryId {
        self.table.get_closest_peers(peer)
    }
}

impl NetworkBehaviour for Kademlia {
    type ConnectionHandler = <Behaviour<MemoryStore> as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = kad::Event;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.table.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.table.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addrs: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let known = self.table.handle_pending_outbound_connection(id, peer, addrs, role)?;
        let now = Instant::now();
        Ok(known.into_iter().take(PER_PEER).filter(|addr| self.dials.allowed(addr, now)).collect())
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        addr: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.table.handle_established_outbound_connection(id, peer, addr, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.table.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.table.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.table.poll(context)
    }
}
