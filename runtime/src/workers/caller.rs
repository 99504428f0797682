//! Without the feature `parallel`, the thread that loads a module does the work of [`Workers`].

use std::num::NonZero;

use bacalhau_tree::HostFailure;

/// No threads.
#[derive(Debug)]
pub(crate) struct Workers;

impl Workers {
    /// The number of threads has no effect.
    pub(crate) fn new(_: Option<NonZero<usize>>) -> Self {
        Self
    }

    /// Does `work` on this thread.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, reason = "as with threads")]
    #[expect(clippy::unused_self, reason = "as with threads")]
    pub(crate) fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, HostFailure> {
        Ok(work())
    }
}

/// No threads beside the one that optimizes.
pub(crate) struct Background;

impl Background {
    /// The calling thread has its priority already.
    pub(crate) fn new(_: fn()) -> Self {
        Self
    }

    /// Does `work` on this thread.
    #[expect(clippy::unused_self, reason = "as with threads")]
    pub(crate) fn install(&self, work: impl FnOnce() + Send) {
        work();
    }
}

/// Changes all `items`, each with its element of `beside`, in their order.
pub(crate) fn change_all<A: Send, B: Sync, S: Default, C: Send>(
    items: Vec<A>,
    beside: &[B],
    change: impl Fn(&mut S, (A, &B)) -> C + Send + Sync,
) -> Vec<C> {
    let mut scratch = S::default();
    items.into_iter().zip(beside).map(|pair| change(&mut scratch, pair)).collect()
}
