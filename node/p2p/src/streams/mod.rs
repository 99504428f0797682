//! Streams by protocol: a registered protocol receives every stream that peers open for it, and may open streams. The
//! queue of accepted streams is deep, because some peers (kubo) open a stream for each block and do not repeat blocks
//! of a reset stream; the queue of libp2p-stream holds only one.

mod behaviour;
mod handler;
mod shared;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::{fmt, io};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{PeerId, Stream};
use tokio::sync::OwnedSemaphorePermit;

pub(super) use behaviour::{Behaviour, Open};
pub(super) use shared::Shared;

/// A stream that a peer opened.
pub struct PeerStream {
    /// Peer ID.
    pub peer: PeerId,
    stream: Stream,
    /// One of the streams that a connection may have open towards us.
    _slot: OwnedSemaphorePermit,
}

/// Events about peers for protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerEvent {
    /// The first connection to it.
    Up(PeerId),
    /// Its last connection is closed.
    Down(PeerId),
    /// Some dial has failed, for this reason.
    DialFailed(String),
    /// It does not count any more; there may be no pending dial left.
    DialEnded,
}

/// Why a stream cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is another kind of node.
    #[error("it does not support {0}")]
    Protocol(libp2p::StreamProtocol),
    /// It is not connected any longer.
    #[error("the connection was lost")]
    Lost,
    /// The connection does not carry it.
    #[error("a stream to it cannot be opened: {0}")]
    Broken(String),
}

impl fmt::Debug for PeerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerStream").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
