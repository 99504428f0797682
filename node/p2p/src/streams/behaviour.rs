//! Behaviour that routes stream requests to connections, and counts connections. Relayed connections are short and
//! slow, so streams use a direct connection if there is one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol};
use tokio::sync::{mpsc, oneshot};

use super::handler::Handler;
use super::{OpenError, Shared};

/// A request for a stream.
pub(crate) struct Open {
    pub(crate) peer: PeerId,
    pub(crate) protocol: StreamProtocol,
    pub(crate) reply: oneshot::Sender<Result<Stream, OpenError>>,
}

/// The streams behaviour.
pub(crate) struct Behaviour {
    shared: Arc<Shared>,
    requests: mpsc::UnboundedReceiver<Open>,
    /// The connections to each peer, and whether a relay carries them.
    connections: HashMap<PeerId, Vec<(ConnectionId, bool)>>,
}

impl Behaviour {
    pub(crate) fn new(shared: Arc<Shared>, requests: mpsc::UnboundedReceiver<Open>) -> Self {
        Self { shared, requests, connections: HashMap::new() }
    }

    fn handler(&self, peer: PeerId, dialed: bool) -> Handler {
        // Before the connection's task runs, so that streams come only from known peers.
        self.shared.connected(peer);
        Handler::new(peer, dialed, self.shared.clone())
    }

    /// The connection for a stream to `peer`: any, unless some are relayed and others direct.
    fn way(&self, peer: &PeerId) -> NotifyHandler {
        let ways = self.connections.get(peer).map(Vec::as_slice).unwrap_or_default();
        let direct = ways.iter().find(|(_, relayed)| !relayed).filter(|_| ways.iter().any(|(_, relayed)| *relayed));
        direct.map_or(NotifyHandler::Any, |(id, _)| NotifyHandler::One(*id))
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = std::convert::Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, false))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, true))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(made) => {
                let ways = self.connections.entry(made.peer_id).or_default();
                ways.push((made.connection_id, made.endpoint.is_relayed()));
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.shared.disconnected(closed.peer_id);
                if closed.remaining_established == 0 {
                    self.connections.remove(&closed.peer_id);
                } else if let Some(ways) = self.connections.get_mut(&closed.peer_id) {
                    ways.retain(|(id, _)| *id != closed.connection_id);
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.requests.poll_recv(cx) {
            Poll::Ready(Some(open)) => {
                let handler = self.way(&open.peer);
                Poll::Ready(ToSwarm::NotifyHandler { peer_id: open.peer, handler, event: open })
            }
            _ => Poll::Pending,
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("peer", &self.peer).field("protocol", &self.protocol).finish_non_exhaustive()
    }
}
