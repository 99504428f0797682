//! Connections: how many there may be, in all and of one address, how slow they may be, and how they end with the server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::error::{ApiError, ErrorCode};
use super::guard::Peer;
use super::state::App;
use super::tls::Tls;
use crate::http::{Patient, Shares};

/// Accepts connections until the server ends. `free` has a permit for each that may be open.
pub(super) async fn accept(app: App, listener: TcpListener, router: Router, free: Arc<Semaphore>) {
    let shares = Shares::with(app.limits.connections, app.limits.connections_per_address);
    let mut draining = app.draining.clone();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended(&mut draining) => return,
        };
        let Ok((stream, address)) = accepted else {
            // Out of file descriptors, most likely: some come back soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(taking) = shares.take(address.ip(), 1) else {
            app.metrics.refused("connections");
            if app.access.tls.is_none() {
                turn_away(&stream);
            }
            continue;
        };
        let connection = serve(app.clone(), stream, address, router.clone());
        tokio::spawn(async move {
            connection.await;
            drop((taking, permit));
        });
    }
}

/// Says that there are too many connections, as far as that takes no time: nothing is waited for.
fn turn_away(stream: &TcpStream) {
    let error = ApiError::later(ErrorCode::OverBudget, "too many connections from this address", Duration::ZERO);
    stream.try_write(error.as_http1().as_bytes()).unwrap_or_default();
}

async fn serve(app: App, stream: TcpStream, address: SocketAddr, router: Router) {
    // Small answers go at once.
    stream.set_nodelay(true).unwrap_or_default();
    let is_loopback = stream.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback());
    let router = router.layer(Extension(Peer { address, is_loopback }));
    let Some(tls) = &app.access.tls else {
        return answer(&app, Patient::new(stream, app.limits.patience), router).await;
    };
    // The work of a handshake is bounded as that of requests is.
    if app.admit(address.ip()).is_err() {
        return;
    }
    match handshake(&app, tls, stream).await {
        Ok(stream) => answer(&app, stream, router).await,
        Err(_) => app.metrics.refused("handshake"),
    }
}

async fn handshake(app: &App, tls: &Tls, stream: TcpStream) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    let mut draining = app.draining.clone();
    tokio::select! {
        stream = tls.accept(stream, &app.limits) => stream,
        () = ended(&mut draining) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// Answers the requests that come over `stream`.
async fn answer(app: &App, stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(app.limits.head_patience);
    let mut connection =
        std::pin::pin!(server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let mut draining = app.draining.clone();
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = ended(&mut draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // A client that breaks off is no event.
    served.unwrap_or_default();
}

/// Waits until the server ends. The guard that the wait hands out may not be kept by a task.
async fn ended(draining: &mut watch::Receiver<bool>) {
    drop(draining.wait_for(|draining| *draining).await);
}
