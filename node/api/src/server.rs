//! The server, with its own runtime and threads.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};

use super::backend::Backend;
use super::connections::accept;
use super::hosts::AllowedHosts;
use super::limits::Limits;
use super::reloaded::Reloaded;
use super::router::router;
use super::state::App;
use super::tls::Tls;
use super::tokens::Tokens;
use bacalhau_metrics::Metrics;
use bacalhau_store::JobStore;

const THREADS: usize = 2;

/// Access control of an API.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The allowed host names.
    pub hosts: AllowedHosts,
    /// The access tokens; without any, none is needed.
    pub tokens: Option<Arc<Reloaded<Tokens>>>,
    /// The certificate; `None` serves plain HTTP.
    pub tls: Option<Tls>,
}

/// A running server. Dropping it closes its connections.
#[derive(Debug)]
pub struct ApiServer {
    address: SocketAddr,
    /// Whether it uses TLS.
    tls: bool,
    draining: watch::Sender<bool>,
    /// One permit for each open connection.
    free: Arc<Semaphore>,
    connections: u32,
    /// `None` only during drop.
    runtime: Option<Runtime>,
}

impl ApiServer {
    /// Serves at `address` with this access control; port 0 selects a free port.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub fn start(
        address: SocketAddr,
        backend: Arc<dyn Backend>,
        store: Arc<JobStore>,
        metrics: Arc<Metrics>,
        limits: Limits,
        access: Access,
    ) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(limits.requests + limits.streams + limits.uploads)
            .thread_name("api")
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        let draining = watch::Sender::new(false);
        let free = Arc::new(Semaphore::new(limits.connections));
        let tls = access.tls.is_some();
        let app = App::new(backend, store, metrics, limits, access, draining.subscribe());
        runtime.spawn(accept(app.clone(), listener, router(app), Arc::clone(&free)));
        let connections = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        Ok(Self { address, tls, draining, free, connections, runtime: Some(runtime) })
    }

    /// The listen address.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The base URL.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Stops: reports not ready, accepts no connections, ends followed streams, and waits for other requests for at
    /// most `patience`. Returns whether all requests completed.
    pub fn drain(self, patience: Duration) -> bool {
        self.draining.send_replace(true);
        let Some(runtime) = &self.runtime else { return true };
        let all = self.free.acquire_many(self.connections);
        runtime.block_on(async { tokio::time::timeout(patience, all).await }).is_ok()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
