//! The part of the swarm that turns away connections from where too many come, at once or one after the other, and notes
//! where peers come from.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::budgets::PeerBudgets;
use super::prefix::Prefix;

/// Limits connections by address.
pub(super) struct ConnectionLimiter {
    /// Of a node of the network of jobs.
    budgets: Option<Arc<PeerBudgets>>,
    /// Incoming connections that one address may have at once.
    per_address: usize,
    /// Prefixes of the open connections.
    from: HashMap<ConnectionId, Prefix>,
    counts: HashMap<Prefix, usize>,
}

/// Why a connection is rejected.
#[derive(Debug, thiserror::Error)]
#[error("too many connections from this address")]
struct TooMany;

impl ConnectionLimiter {
    pub(super) fn new(budgets: Option<Arc<PeerBudgets>>, per_address: usize) -> Self {
        Self { budgets, per_address, from: HashMap::new(), counts: HashMap::new() }
    }

    fn check_room(&self, prefix: Prefix) -> Result<(), ConnectionDenied> {
        let count = self.counts.get(&prefix).copied().unwrap_or(0);
        if count < self.per_address { Ok(()) } else { Err(ConnectionDenied::new(TooMany)) }
    }

    fn connected(&self, peer: &PeerId, remote: &Multiaddr) {
        if let Some(budgets) = &self.budgets {
            budgets.connected(peer, remote, Instant::now());
        }
    }

    fn add(&mut self, id: ConnectionId, prefix: Prefix) {
        if self.from.insert(id, prefix).is_none() {
            *self.counts.entry(prefix).or_default() += 1;
        }
    }

    fn remove(&mut self, id: ConnectionId) {
        let Some(prefix) = self.from.remove(&id) else { return };
        if let Some(count) = self.counts.get_mut(&prefix) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&prefix);
            }
        }
    }
}

impl NetworkBehaviour for ConnectionLimiter {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        if let Some(budgets) = &self.budgets
            && !budgets.connects(remote, Instant::now())
        {
            return Err(ConnectionDenied::new(TooMany));
        }
        self.check_room(Prefix::of(remote))
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check_room(Prefix::of(remote))?;
        self.connected(&peer, remote);
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.connected(&peer, remote);
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(made) if made.endpoint.is_listener() => {
                self.add(made.connection_id, Prefix::of(made.endpoint.get_remote_address()));
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => self.remove(connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_its_share_of_connections_and_gets_it_back() {
        let mut limiter = ConnectionLimiter::new(None, 2);
        let here = Prefix::of(&"/ip4/192.0.2.1/tcp/1".parse().unwrap());
        let there = Prefix::of(&"/ip4/192.0.2.2/tcp/1".parse().unwrap());
        for id in 0..2 {
            assert!(limiter.check_room(here).is_ok());
            limiter.add(ConnectionId::new_unchecked(id), here);
        }
        assert!(limiter.check_room(here).is_err());
        assert!(limiter.check_room(there).is_ok());
        limiter.remove(ConnectionId::new_unchecked(0));
        limiter.remove(ConnectionId::new_unchecked(0));
        assert!(limiter.check_room(here).is_ok());
        limiter.remove(ConnectionId::new_unchecked(1));
        assert!(limiter.counts.is_empty() && limiter.from.is_empty());
    }
}
