//! The inbox of a node: what its network and its callers have for the loop.

use std::fmt;
use std::sync::{Arc, mpsc};

use super::event_loop::Event;
use super::waiting::Waiting;
use bacalhau_network::Listener;

/// Maximum inputs in a mailbox.
const MAILBOX: usize = 8192;

/// The bounded inbox of a node. While it is full, messages of peers are dropped, and local callers wait.
pub struct Mailbox {
    pub(super) events: mpsc::SyncSender<Event>,
    pub(super) received: mpsc::Receiver<Event>,
    pub(super) announcements: Waiting,
}

impl Mailbox {
    /// An empty inbox.
    pub fn new() -> Self {
        let (events, received) = mpsc::sync_channel(MAILBOX);
        Self { events, received, announcements: Waiting::default() }
    }

    /// The listener that fills it from a network.
    pub fn listener(&self) -> Listener {
        let (events, announcements) = (self.events.clone(), self.announcements.clone());
        Arc::new(move |heard| {
            let Some(taken) = announcements.take(&heard) else { return Err(heard) };
            match events.try_send(Event::Heard(heard, taken)) {
                Err(mpsc::TrySendError::Full(Event::Heard(heard, _))) => Err(heard),
                // A stopped node accepts no messages.
                _ => Ok(()),
            }
        })
    }
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}
