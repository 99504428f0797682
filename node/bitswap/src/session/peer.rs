//! One connected peer as it is seen by who asks it: how much is asked of it, how fast it is, how often it has what it is
//! asked for. The window grows with what arrives, as TCP's does, up to a bound in bytes and one in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::message::Want as Entry;
use super::super::pulse::Pulse;

/// Wants that a peer is asked for before anything is known of it.
const FIRST_WINDOW: f64 = 16.0;
/// Least and most wants that a peer is asked for at once.
const WINDOW: (f64, f64) = (4.0, 2048.0);
/// What a block is taken to have until some have come.
const FIRST_BLOCK_BYTES: f64 = 262_144.0;
/// What a new measurement counts.
const WEIGHT: f64 = 0.1;

/// See the module.
#[derive(Debug)]
pub(super) struct Peer {
    /// Blocks that it is asked for.
    pub(super) in_flight: usize,
    /// It was asked and has moved nothing: it is asked again only if there is nobody else.
    pub(super) mute: bool,
    /// Nothing can be sent to it.
    pub(super) failed: Option<String>,
    /// It answers all of its wants again on each message, and so has to be let finish before it is sent another. Helia
    /// does that.
    pub(super) resends: bool,
    /// What it is to be told when it has finished.
    pub(super) held: Vec<Entry>,
    pulse: Arc<Pulse>,
    grown: f64,
    window: f64,
    /// Whether the window is being filled: it is filled again when a quarter of it is free, so that wants go together.
    filling: bool,
    /// Seconds between blocks.
    pace: f64,
    /// Of the blocks that it was asked for, how many it had.
    hits: f64,
    block_bytes: f64,
    last_block: Option<Instant>,
}

impl Peer {
    pub(super) fn new(pulse: Arc<Pulse>) -> Self {
        Self {
            in_flight: 0,
            mute: false,
            failed: None,
            resends: false,
            held: Vec::new(),
            pulse,
            grown: FIRST_WINDOW,
            window: FIRST_WINDOW,
            filling: true,
            pace: 0.001,
            hits: 1.0,
            block_bytes: FIRST_BLOCK_BYTES,
            last_block: None,
        }
    }

    /// Sets the window anew.
    #[expect(clippy::cast_precision_loss, reason = "a window needs no more than 52 bits")]
    pub(super) fn open(&mut self, window_bytes: u64, patience: Duration) {
        let by_bytes = window_bytes as f64 / self.block_bytes.max(1.0);
        let by_time = patience.as_secs_f64() / 4.0 / self.pace.max(1e-6);
        self.window = self.grown.min(by_bytes).min(by_time).clamp(WINDOW.0, WINDOW.1);
        let free_enough = !self.resends && self.in_flight as f64 <= 0.75 * self.window;
        self.filling = self.in_flight == 0 || self.filling && !self.resends || free_enough;
    }

    /// It is asked for one more.
    pub(super) fn is_asked(&mut self) {
        self.in_flight += 1;
        self.filling = self.in_window();
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of wants")]
    fn in_window(&self) -> bool {
        (self.in_flight as f64) < self.window
    }

    pub(super) fn has_room(&self) -> bool {
        self.filling && self.failed.is_none() && self.in_window()
    }

    /// How long one more block takes to come, as far as one can tell.
    #[expect(clippy::cast_precision_loss, reason = "a count of wants")]
    pub(super) fn cost(&self) -> f64 {
        (self.in_flight + 1) as f64 * self.pace / self.hits.max(0.01)
    }

    /// A block came, which was asked for then, if it was asked of this peer.
    #[expect(clippy::cast_precision_loss, reason = "blocks are small")]
    pub(super) fn delivered(&mut self, bytes: usize, asked: Option<Instant>, now: Instant) {
        self.mute = false;
        self.block_bytes += WEIGHT * (bytes as f64 - self.block_bytes);
        self.hits += WEIGHT * (1.0 - self.hits);
        self.grown = (self.grown + 1.0).min(WINDOW.1);
        if let Some(since) = asked.map(|asked| self.last_block.map_or(asked, |last| last.max(asked))) {
            self.pace += WEIGHT * (now.saturating_duration_since(since).as_secs_f64() - self.pace);
        }
        self.last_block = Some(now);
    }

    /// It did not have what it was asked for.
    pub(super) fn missed(&mut self, now: Instant) {
        self.hits += WEIGHT * (0.0 - self.hits);
        self.last_block = Some(now);
    }

    /// Whether what was asked then ought to be asked again: when nothing has moved, or much else has.
    pub(super) fn is_stalled(&self, asked: Instant, reask: Duration, now: Instant) -> bool {
        let waited = now.saturating_duration_since(asked);
        let still = now.saturating_duration_since(self.pulse.last().max(asked));
        let queue = Duration::from_secs_f64(4.0 * self.pace * self.window);
        still >= reask || waited >= queue.max(4 * reask)
    }

    /// It was too slow.
    pub(super) fn stalls(&mut self) {
        self.mute = true;
        self.grown = (self.grown / 2.0).max(WINDOW.0);
    }
}
