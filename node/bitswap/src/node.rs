//! Connects the parts: the session with its lock, the connected peers, and their tasks.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use libp2p::PeerId;
use tokio::sync::{Notify, Semaphore, mpsc};

use super::config::Config;
use super::inbox;
use super::message::Want;
use super::outbox::Outbox;
use super::record::{Record, Records};
use super::request_queue::RequestQueue;
use super::room::{Room, Rooms};
use super::session::{Answer, Session, Step};
use bacalhau_cas::LocalBlockstore;
use bacalhau_p2p::{HostHandle, PeerEvent, PeerStream};

/// Messages of one peer that are hashed at once.
const HASHING: usize = 4;
/// Peers that read from the shelf at once.
const READING: usize = 4;
/// Minimum interval of timer checks while callers wait.
const TICK: Duration = Duration::from_millis(250);

/// A running Bitswap node.
pub(super) struct Node {
    pub(super) host: HostHandle,
    pub(super) config: Config,
    pub(super) records: Records,
    shelf: Arc<dyn LocalBlockstore>,
    turns: Arc<Semaphore>,
    rooms: Rooms,
    session: Mutex<Session>,
    links: Mutex<HashMap<PeerId, Arc<Link>>>,
    /// Notified when callers wait.
    busy: Notify,
}

/// A peer that is connected.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) peer: PeerId,
    pub(super) record: Arc<Record>,
    pub(super) desk: Arc<RequestQueue>,
    pub(super) hashing: Arc<Semaphore>,
    /// Memory of messages being read. A peer may open hundreds of streams and start a large message on each.
    pub(super) reading: Room,
    wants: mpsc::UnboundedSender<Vec<Want>>,
}

impl Node {
    pub(super) fn new(host: HostHandle, shelf: Arc<dyn LocalBlockstore>, config: Config) -> Arc<Self> {
        Arc::new(Self {
            host,
            records: Records::new(config.budget.clone()),
            shelf,
            turns: Arc::new(Semaphore::new(READING)),
            rooms: Rooms::new(),
            session: Mutex::new(Session::new(&config)),
            config,
            links: Mutex::default(),
            busy: Notify::new(),
        })
    }

    fn links(&self) -> MutexGuard<'_, HashMap<PeerId, Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a peer is connected.
    pub(super) fn has_peers(&self) -> bool {
        !self.links().is_empty()
    }

    /// Advances the session on this thread, then sends messages and answers callers.
    pub(super) fn step<T>(&self, act: impl FnOnce(&mut Session, &mut Step) -> T) -> T {
        let (result, answers) = self.step_quietly(act);
        answers.into_iter().for_each(Answer::give);
        result
    }

    /// Like `step` without answers to callers, which may be slow.
    pub(super) fn step_quietly<T>(&self, act: impl FnOnce(&mut Session, &mut Step) -> T) -> (T, Vec<Answer>) {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let mut step = Step::new(Instant::now(), self.host.dialing());
        let result = act(&mut session, &mut step);
        // Under the lock, so that a cancellation is sent after its want.
        let links = self.links();
        for (id, wants) in step.wants {
            if let Some(link) = links.get(&id) {
                let _ = link.wants.send(wants);
            }
        }
        if !session.is_idle() {
            self.busy.notify_one();
        }
        (result, step.answers)
    }

    /// Takes note of a peer. Called by the swarm's task, which must not be held up.
    pub(super) fn event(self: &Arc<Self>, event: PeerEvent) {
        let answers = match event {
            PeerEvent::Up(id) => self.up(id),
            PeerEvent::Down(id) => {
                let link = self.links().remove(&id);
                let thrown_out = link.is_some_and(|link| link.record.is_banned(Instant::now()));
                self.step_quietly(|session, step| session.peer_down(id, thrown_out, step)).1
            }
            PeerEvent::DialFailed(why) => self.step_quietly(|session, _| session.dial_failed(why)).1,
            PeerEvent::DialEnded => self.step_quietly(Session::look_again).1,
        };
        if !answers.is_empty() {
            self.host.spawn(async {
                let given = tokio::task::spawn_blocking(|| answers.into_iter().for_each(Answer::give));
                let _ = given.await;
            });
        }
    }

    fn up(self: &Arc<Self>, id: PeerId) -> Vec<Answer> {
        let record = self.records.of(id, Instant::now());
        if record.is_banned(Instant::now()) {
            self.host.disconnect(id);
            return Vec::new();
        }
        let (wants, wanted) = mpsc::unbounded_channel();
        let (answered, served) = mpsc::channel(1);
        let desk = Arc::new(RequestQueue::new(self.config.queue));
        let hashing = Arc::new(Semaphore::new(HASHING));
        let reading = self.rooms.of_peer();
        let link = Arc::new(Link { peer: id, record: record.clone(), desk: desk.clone(), hashing, reading, wants });
        self.links().insert(id, link);
        self.host.spawn(desk.serve(self.shelf.clone(), self.turns.clone(), record.clone(), answered));
        let pulse = record.pulse.clone();
        let outbox = Outbox { peer: id, wants: wanted, served, record, host: self.host.clone(), stream: None };
        let node = Arc::downgrade(self);
        self.host.spawn(async move {
            if let (Err(unheard), Some(node)) = (outbox.run().await, node.upgrade()) {
                node.step(|session, step| session.peer_failed(id, &unheard.why, unheard.gone, step));
            }
        });
        self.step_quietly(|session, step| session.peer_up(id, pulse, step)).1
    }

    /// Disconnects a peer.
    pub(super) fn throw_out(&self, link: &Link) {
        link.record.ban(Instant::now() + self.config.budget.ban);
        self.host.disconnect(link.peer);
    }

    /// Reads streams of peers until the host ends.
    pub(super) async fn accept(self: Arc<Self>, mut streams: mpsc::Receiver<PeerStream>) {
        while let Some(stream) = streams.recv().await {
            let link = self.links().get(&stream.peer).cloned();
            if let Some(link) = link {
                self.host.spawn(inbox::read(self.clone(), link, stream));
            }
        }
    }

    /// Runs the timers while callers wait. When the host ends, this task ends and fails all waiting callers.
    pub(super) async fn watch(node: Weak<Self>) {
        let _end = End(node.clone());
        loop {
            let Some(here) = node.upgrade() else { return };
            let every = TICK.min(here.config.reask / 4).max(Duration::from_millis(1));
            let idle = here.session.lock().unwrap_or_else(PoisonError::into_inner).is_idle();
            if idle {
                here.busy.notified().await;
            }
            tokio::time::sleep(every).await;
            let _ = tokio::task::spawn_blocking(move || here.step(Session::tick)).await;
        }
    }
}

/// Fails all waiting callers on drop.
struct End(Weak<Node>);

impl Drop for End {
    fn drop(&mut self) {
        if let Some(node) = self.0.upgrade() {
            node.step(|session, step| session.close("the node of this process was shut down", step));
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("host", &self.host).field("shelf", &self.shelf).finish_non_exhaustive()
    }
}
