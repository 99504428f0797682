//! Serves a directory of published results to whoever asks, read-only. A runtime of its own, on threads of its own,
//! stands behind a handle; nothing else here is asynchronous.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use super::files::router;
use super::patient::Patient;
use super::shares::Shares;

const THREADS: usize = 2;
/// Connections at a time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 128;
/// Longest time for the head of a request, and so for a connection that asks nothing.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// Longest silence of a client that is being answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server, until it is dropped: then connections are cut.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

/// How much a server takes from its clients.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    connections: usize,
    head_patience: Duration,
    patience: Duration,
}

impl FileServer {
    /// Serves `dir` at `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When there is no such directory, or the address cannot be listened on.
    pub fn start(address: SocketAddr, dir: &Path) -> io::Result<Self> {
        let bounds = Bounds { connections: MAX_CONNECTIONS, head_patience: HEAD_PATIENCE, patience: PATIENCE };
        Self::start_within(bounds, address, dir)
    }

    fn start_within(bounds: Bounds, address: SocketAddr, dir: &Path) -> io::Result<Self> {
        let router = router(dir)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(bounds.connections)
            .thread_name("serve")
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        runtime.spawn(accept(bounds, listener, router));
        Ok(Self { address, runtime: Some(runtime) })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(bounds: Bounds, listener: TcpListener, router: Router) {
    let free = Arc::new(Semaphore::new(bounds.connections));
    let shares = Shares::new(bounds.connections);
    // The semaphore is never closed, so that this ends with the runtime.
    while let Ok(permit) = Arc::clone(&free).acquire_owned().await {
        let Ok((stream, address)) = listener.accept().await else {
            // Out of file descriptors, most likely: some come back soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // A client that has its share is hung up on: it may ask again when one of its connections has ended.
        let Ok(taking) = shares.take(address.ip(), 1) else { continue };
        let service = TowerToHyperService::new(router.clone());
        let stream = TokioIo::new(Patient::new(stream, bounds.patience));
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(bounds.head_patience);
        let connection = server.serve_connection(stream, service);
        tokio::spawn(async move {
            // A client that breaks off is no event.
            connection.await.unwrap_or_default();
            drop((taking, permit));
        });
    }
}

#[cfg(test)]
mod tests;
