//! Futures of the store, for callers that block.

use std::future::Future;
use std::io;
use std::sync::{OnceLock, mpsc};

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
/// When no thread can be started, or `future` panics.
pub(crate) fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    let (answer, answers) = mpsc::sync_channel(1);
    runtime()?.spawn(async move {
        // The receiver waits.
        let _ = answer.send(future.await);
    });
    answers.recv().map_err(|_| io::Error::other("a request to an object store panicked, which is an internal error"))
}
