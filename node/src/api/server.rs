//! The server: a runtime of its own, on threads of its own, behind a handle.

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
use super::router::router;
use super::state::App;
use super::tls::Tls;
use super::tokens::Tokens;
use crate::metrics::Metrics;
use crate::store::JobStore;

const THREADS: usize = 2;

/// Who may use an API, and how.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The names under which it is used.
    pub hosts: AllowedHosts,
    /// What it demands.
    pub tokens: Tokens,
    /// Its certificate; without one it speaks plain HTTP.
    pub tls: Option<Tls>,
}

/// A server of the API, until it is dropped: then connections are cut.
#[derive(Debug)]
pub struct ApiServer {
    address: SocketAddr,
    /// Whether it speaks TLS.
    tls: bool,
    draining: watch::Sender<bool>,
    /// One permit for each connection that may be open.
    free: Arc<Semaphore>,
    connections: u32,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl ApiServer {
    /// Serves at `address`, to those that `access` names; port 0 takes a free one.
    ///
    /// # Errors
    /// When it cannot be listened on.
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

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The URL below which it answers.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Says that it is not ready any more, takes no new connections, ends streams of events and logs, and waits for other
    /// requests, no longer than `patience`. Says whether all came to their end.
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
