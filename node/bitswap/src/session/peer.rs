//! A connected peer as a source: request window, speed and hit rate. The window grows with received blocks, as in TCP,
//! up to limits in bytes and time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::last_activity::LastActivity;
use super::super::message::Want as Entry;

/// Initial request window in wants.
const FIRST_WINDOW: f64 = 16.0;
/// Minimum and maximum request window in wants.
const WINDOW: (f64, f64) = (4.0, 2048.0);
/// Assumed size of a block before any has arrived.
const FIRST_BLOCK_BYTES: f64 = 262_144.0;
/// Weight of a new measurement.
const WEIGHT: f64 = 0.1;

/// A peer of the session.
#[derive(Debug)]
pub(super) struct Peer {
    /// Number of requested blocks in flight.
    pub(super) in_flight: usize,
    /// It was asked and is idle: it is asked again only if there is no other peer.
    pub(super) mute: bool,
    /// Why sending to it failed.
    pub(super) failed: Option<String>,
    /// It answers all wants again after each message, as Helia does, so the next message must wait until it has
    /// finished.
    pub(super) resends: bool,
    /// Messages to send after it has finished.
    pub(super) held: Vec<Entry>,
    pulse: Arc<LastActivity>,
    grown: f64,
    window: f64,
    /// Whether the window is being filled. It is refilled when a quarter is free, so that wants are batched.
    filling: bool,
    /// Average seconds between blocks.
    pace: f64,
    /// Hit rate of requested blocks.
    hits: f64,
    block_bytes: f64,
    last_block: Option<Instant>,
}

impl Peer {
    pub(super) fn new(pulse: Arc<LastActivity>) -> Self {
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

    /// Records one more request.
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

    /// A block arrived; `asked` is the time of the request if it was made to this peer.
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

    /// It did not have the block.
    pub(super) fn missed(&mut self, now: Instant) {
        self.hits += WEIGHT * (0.0 - self.hits);
        self.last_block = Some(now);
    }

    /// Whether a request of that time should be repeated: when the peer is idle, or has sent much else.
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
