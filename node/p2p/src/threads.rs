//! The threads of one or several nodes. The only place that makes a tokio runtime for the network.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

use super::TransportError;

/// Threads for nodes. They end with the last that uses them.
#[derive(Clone)]
pub struct Threads(Arc<Runtime>);

struct Runtime(Option<tokio::runtime::Runtime>, tokio::runtime::Handle);

impl Threads {
    /// Starts `count` of them.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(count: NonZero<usize>) -> Result<Self, TransportError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(count.get())
            .thread_name("network")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Self(Arc::new(Runtime(Some(runtime), handle))))
    }

    pub(super) fn handle(&self) -> &tokio::runtime::Handle {
        &self.0.1
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}
