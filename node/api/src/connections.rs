//! Connection limits: total, per address, minimum speed, and shutdown.

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
use super::middleware::Peer;
use super::state::App;
use super::tls::Tls;
use bacalhau_http::{Shares, TimeoutIo};

/// Accepts connections until the server stops. `free` has a permit for each open connection.
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
            // Usually out of file descriptors; some are freed soon.
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

/// Answers that there are too many connections, without waiting.
fn turn_away(stream: &TcpStream) {
    let error = ApiError::later(ErrorCode::OverBudget, "too many connections from this address", Duration::ZERO);
    stream.try_write(error.as_http1().as_bytes()).unwrap_or_default();
}

async fn serve(app: App, stream: TcpStream, address: SocketAddr, router: Router) {
    // Sends small answers at once.
    stream.set_nodelay(true).unwrap_or_default();
    let is_loopback = stream.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback());
    let router = router.layer(Extension(Peer { address, is_loopback }));
    let Some(tls) = &app.access.tls else {
        return answer(&app, TimeoutIo::new(stream, app.limits.patience), router).await;
    };
    // Handshakes count against the same limit as requests.
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

/// Serves the requests of `stream`.
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
    // A client that disconnects is normal.
    served.unwrap_or_default();
}

/// Waits until the server stops. Tasks must not keep the guard.
async fn ended(draining: &mut watch::Receiver<bool>) {
    drop(draining.wait_for(|draining| *draining).await);
}
