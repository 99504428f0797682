//! Futures of the store, for callers that block.

use std::future::Future;
use std::io;
use std::sync::{OnceLock, mpsc};

use object_store::Result;
use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime, which lives as long as the process: dropping one is not allowed everywhere. It waits for the store and for
/// pauses between attempts; requests run on its blocking threads.
fn runtime() -> io::Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let started = Builder::new_multi_thread().worker_threads(1).thread_name("objects").enable_time().build()?;
    match RUNTIME.set(started) {
        Ok(()) => {}
        // Another thread was faster.
        Err(unused) => unused.shutdown_background(),
    }
    RUNTIME.get().map(|runtime| runtime.handle().clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Runs `future` on the runtime, and waits for it.
///
/// # Errors
/// Those of `future`; also when no thread can be started, or `future` panics.
pub(crate) fn wait<T: Send + 'static>(future: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let here = |error: io::Error| object_store::Error::Generic { store: "runtime", source: error.into() };
    let (answer, answers) = mpsc::sync_channel(1);
    runtime().map_err(here)?.spawn(async move {
        // The receiver waits.
        let _ = answer.send(future.await);
    });
    let panicked = || here(io::Error::other("a request to an object store panicked, which is an internal error"));
    answers.recv().unwrap_or_else(|_| Err(panicked()))
}
