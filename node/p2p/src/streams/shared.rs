//! State shared by the handlers of all connections and other threads: registered protocols, and receivers of peer
//! events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use libp2p::{PeerId, StreamProtocol};
use tokio::sync::mpsc;

use super::{PeerEvent, PeerStream};

type Watcher = Arc<dyn Fn(PeerEvent) + Send + Sync>;

/// The shared state.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Dials that have been begun and not ended. Ends are announced before it falls.
    dialing: AtomicUsize,
}

#[derive(Default)]
struct State {
    protocols: HashMap<StreamProtocol, mpsc::Sender<PeerStream>>,
    watchers: Vec<Watcher>,
    /// Connections to each peer.
    connected: HashMap<PeerId, usize>,
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes streams of `protocol` from now on, up to `depth` that wait.
    pub(crate) fn register(&self, protocol: StreamProtocol, depth: usize) -> mpsc::Receiver<PeerStream> {
        let (accepted, streams) = mpsc::channel(depth);
        self.state().protocols.insert(protocol, accepted);
        streams
    }

    pub(super) fn protocols(&self) -> Vec<StreamProtocol> {
        self.state().protocols.keys().cloned().collect()
    }

    /// Passes a stream to its protocol. Without a receiver it is reset.
    pub(super) fn accept(&self, protocol: &StreamProtocol, stream: PeerStream) {
        if let Some(accepted) = self.state().protocols.get(protocol) {
            let _ = accepted.try_send(stream);
        }
    }

    /// Calls `watcher` for each peer that is connected, and then for each event, on the thread of the event: it has to
    /// be short, and must not come back here.
    pub(crate) fn watch(&self, watcher: Watcher) {
        let mut state = self.state();
        state.connected.keys().for_each(|peer| watcher(PeerEvent::Up(*peer)));
        state.watchers.push(watcher);
    }

    pub(super) fn connected(&self, peer: PeerId) {
        let mut state = self.state();
        let count = state.connected.entry(peer).or_default();
        *count += 1;
        if *count == 1 {
            state.announce(&PeerEvent::Up(peer));
        }
    }

    pub(super) fn disconnected(&self, peer: PeerId) {
        let mut state = self.state();
        let Some(count) = state.connected.get_mut(&peer) else { return };
        *count -= 1;
        if *count == 0 {
            state.connected.remove(&peer);
            state.announce(&PeerEvent::Down(peer));
        }
    }

    pub(crate) fn dial_begins(&self) {
        self.dialing.fetch_add(1, Ordering::SeqCst);
    }

    /// A dial has ended; `failed` is the error if there is no connection.
    pub(crate) fn dial_ends(&self, failed: Option<String>) {
        let is_failed = failed.is_some();
        if let Some(why) = failed {
            self.state().announce(&PeerEvent::DialFailed(why));
        }
        self.dialing.fetch_sub(1, Ordering::SeqCst);
        if is_failed {
            self.state().announce(&PeerEvent::DialEnded);
        }
    }

    pub(crate) fn dialing(&self) -> bool {
        self.dialing.load(Ordering::SeqCst) > 0
    }
}

impl State {
    fn announce(&self, event: &PeerEvent) {
        self.watchers.iter().for_each(|watcher| watcher(event.clone()));
    }
}
