//! Serves a directory of published results, read-only, with its own runtime and threads.

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
use super::shares::Shares;
use super::timeout_io::TimeoutIo;

const THREADS: usize = 2;
/// Connections at a time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 128;
/// Timeout for the head of a request, which is also the idle timeout of a connection.
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

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: MAX_CONNECTIONS, head_patience: HEAD_PATIENCE, patience: PATIENCE }
    }
}

impl FileServer {
    /// Serves `dir` at `address`; port 0 selects a free port.
    ///
    /// # Errors
    /// When the directory does not exist, or the address cannot be listened on.
    pub fn start(address: SocketAddr, dir: &Path) -> io::Result<Self> {
        Self::start_within(Bounds::default(), address, dir)
    }

    /// Serves `router` at `address`, with the same bounds.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start_router(address: SocketAddr, router: Router) -> io::Result<Self> {
        Self::serve(Bounds::default(), address, router)
    }

    fn start_within(bounds: Bounds, address: SocketAddr, dir: &Path) -> io::Result<Self> {
        Self::serve(bounds, address, router(dir)?)
    }

    fn serve(bounds: Bounds, address: SocketAddr, router: Router) -> io::Result<Self> {
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

    /// The listen address.
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
        let stream = TokioIo::new(TimeoutIo::new(stream, bounds.patience));
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(bounds.head_patience);
        let connection = server.serve_connection(stream, service);
        tokio::spawn(async move {
            // A client that disconnects is normal.
            connection.await.unwrap_or_default();
            drop((taking, permit));
        });
    }
}

#[cfg(test)]
mod tests;
