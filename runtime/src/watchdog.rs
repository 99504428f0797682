//! The host's watch on a run that does not end. The one place in the runtime that knows wall-clock time, and what it ends is
//! never a result.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// How often the engine's epoch moves on.
const TICK: Duration = Duration::from_millis(50);

/// Moves the epoch of an engine for as long as that lives. Started by the first run.
#[derive(Debug, Default)]
pub(crate) struct Watchdog(OnceLock<()>);

impl Watchdog {
    /// Makes sure that the epoch of `engine` moves.
    pub(crate) fn watch(&self, engine: &Engine) {
        self.0.get_or_init(|| {
            let engine = engine.weak();
            // It ends itself when the engine is gone; nobody needs to wait for it.
            thread::spawn(move || {
                loop {
                    #[expect(clippy::disallowed_methods, reason = "no run waits for it")]
                    thread::sleep(TICK);
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                }
            });
        });
    }
}

/// The number of ticks after which `timeout` is over for certain.
pub(crate) fn ticks(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX / 2).min(u64::MAX / 2) + 1
}
