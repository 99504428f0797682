//! Connections that read the answer even if the server stops reading the request: a server that rejects a long body
//! answers and closes while the client is still sending.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Whether the server has stopped reading. Shared by a connection and its body.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopped(Arc<AtomicBool>);

/// Connector for such connections.
#[derive(Debug)]
pub(super) struct Answering(pub(super) Stopped);

/// A connection.
#[derive(Debug)]
pub(super) struct Connection<T> {
    inner: T,
    stopped: Stopped,
    /// The write error, if any.
    broken: Option<io::Error>,
}

/// A body that ends when the server has stopped reading.
#[derive(Debug)]
pub(super) struct BodyUntil<R> {
    pub(super) body: R,
    pub(super) stopped: Stopped,
}

impl<In: Transport> Connector<In> for Answering {
    type Out = Connection<In>;

    fn connect(&self, _: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Connection { inner, stopped: self.0.clone(), broken: None }))
    }
}

impl<T: Transport> Transport for Connection<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    /// Drops output that the server does not accept any more, so that its answer can be read.
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.broken.is_some() {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(Error::Io(error)) if is_hang_up(error.kind()) => {
                self.broken = Some(error);
                self.stopped.0.store(true, Ordering::Relaxed);
                Ok(())
            }
            sent => sent,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let progress = self.inner.await_input(timeout);
        match (progress, self.broken.take()) {
            (Ok(true), broken) => {
                self.broken = broken;
                Ok(true)
            }
            // Without an answer, the first failure is returned.
            (_, Some(broken)) => Err(Error::Io(broken)),
            (progress, None) => progress,
        }
    }

    fn is_open(&mut self) -> bool {
        self.broken.is_none() && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<R: Read> Read for BodyUntil<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stopped.0.load(Ordering::Relaxed) { Ok(0) } else { self.body.read(buffer) }
    }
}

/// Whether the other side has closed the connection.
pub(super) fn is_hang_up(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof
    )
}
