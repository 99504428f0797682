//! Handler of a connection: opens requested streams, accepts those of registered protocols, and limits open streams.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol};
use libp2p::{PeerId, Stream, StreamProtocol};
use tokio::sync::Semaphore;

use super::{Open, OpenError, PeerStream, Shared};

/// Streams that a peer may have open towards us on one connection. kubo has one for each block that is on its way.
const OPEN_STREAMS: usize = 256;

/// The handler of a connection.
pub(crate) struct Handler {
    peer: PeerId,
    /// Whether this side wanted the connection: then it is kept, and not only while it is used.
    dialed: bool,
    shared: Arc<Shared>,
    requests: VecDeque<Open>,
    slots: Arc<Semaphore>,
}

impl Handler {
    pub(super) fn new(peer: PeerId, dialed: bool, shared: Arc<Shared>) -> Self {
        let slots = Arc::new(Semaphore::new(OPEN_STREAMS));
        Self { peer, dialed, shared, requests: VecDeque::new(), slots }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = Infallible;
    type InboundProtocol = Accept;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Open;

    fn listen_protocol(&self) -> SubstreamProtocol<Accept> {
        SubstreamProtocol::new(Accept(self.shared.protocols()), ())
    }

    fn connection_keep_alive(&self) -> bool {
        self.dialed
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, Open, Infallible>> {
        match self.requests.pop_front() {
            Some(open) => {
                let protocol = SubstreamProtocol::new(ReadyUpgrade::new(open.protocol.clone()), open);
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
            }
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, open: Open) {
        self.requests.push_back(open);
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Accept, ReadyUpgrade<StreamProtocol>, (), Open>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol), ..
            }) => {
                // Without a slot the stream is dropped here, which resets it.
                if let Ok(slot) = self.slots.clone().try_acquire_owned() {
                    self.shared.accept(&protocol, PeerStream { peer: self.peer, stream, _slot: slot });
                }
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, info: open }) => {
                let _ = open.reply.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: open, error }) => {
                let error = match error {
                    StreamUpgradeError::NegotiationFailed => OpenError::Protocol(open.protocol),
                    StreamUpgradeError::Timeout => OpenError::Broken("it does not answer".into()),
                    StreamUpgradeError::Io(error) => OpenError::Broken(error.to_string()),
                    StreamUpgradeError::Apply(never) => match never {},
                };
                let _ = open.reply.send(Err(error));
            }
            _ => {}
        }
    }
}

/// Accepts a stream of any of these protocols, and returns which one.
pub(crate) struct Accept(Vec<StreamProtocol>);

impl UpgradeInfo for Accept {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Accept {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}
