//! The network over libp2p: a [`Host`] with announcements and messages of jobs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::Semaphore;

use super::outbox::{Outgoing, PROTOCOL, deliver, fetch};
use super::{Heard, Listener, ReplyTo, Transport, announcements, inbox};
use bacalhau_p2p::{
    Admission, Cost, Counters, Counting, FORGERY, Host, HostHandle, JobsShared, PeerEvent, PeerInfo, TransportError,
};
use bacalhau_protocol::{Announcement, Envelope, Message, Wire, WireError};
use bacalhau_values::budget::Recent;

/// Streams of messages that wait to be looked at.
const ACCEPTED: usize = 1024;
/// Messages that are on their way to one peer at once; more wait. It takes 256 streams on one connection.
const LANE: usize = 64;
/// Maximum peers with remembered lanes.
const LANES: usize = 4096;
/// Interval at which an input for the daemon is offered again.
const AGAIN: Duration = Duration::from_millis(20);

/// The network of jobs over libp2p. It ends with its [`Host`].
#[derive(Debug)]
pub struct Network(Arc<Shared>);

/// State shared by the tasks of the network.
pub(super) struct Shared {
    pub(super) handle: HostHandle,
    pub(super) listener: Listener,
    jobs: Arc<JobsShared>,
    lanes: Mutex<Recent<PeerId, Arc<Semaphore>>>,
}

impl Network {
    /// Begins to listen on `host`.
    ///
    /// # Errors
    /// [`TransportError::NoJobs`], when the host was started without jobs, or has a network already.
    pub fn start(host: &Host, listener: Listener) -> Result<Self, TransportError> {
        let handle = host.handle().clone();
        let jobs = handle.jobs().cloned().ok_or(TransportError::NoJobs)?;
        let announced = jobs.take_announcements().ok_or(TransportError::NoJobs)?;
        let lanes = Mutex::new(Recent::new(LANES));
        let shared = Arc::new(Shared { handle: handle.clone(), listener, jobs, lanes });
        handle.spawn(announcements::judge(shared.clone(), announced));
        handle.spawn(inbox::accept(shared.clone(), handle.accept(PROTOCOL, ACCEPTED)));
        let watcher = Arc::downgrade(&shared);
        handle.watch(move |event| {
            if let Some(shared) = watcher.upgrade() {
                match event {
                    PeerEvent::Up(peer) => shared.tell(Heard::PeerUp(peer)),
                    PeerEvent::Down(peer) => shared.tell(Heard::PeerDown(peer)),
                    PeerEvent::DialFailed(_) | PeerEvent::DialEnded => {}
                }
            }
        });
        Ok(Self(shared))
    }

    /// Waits until `count` peers subscribe to announcements, and returns whether they do. Earlier announcements may
    /// reach no node.
    pub fn wait_for_subscribers(&self, count: usize, timeout: Duration) -> bool {
        self.0.jobs.peer_table().wait(count, timeout)
    }

    /// Counters of the network.
    pub fn counters(&self) -> Counters {
        self.0.counting().read(self.0.jobs.peer_table().count())
    }
}

impl Transport for Network {
    fn announce(&self, announcement: &Announcement) -> Result<(), WireError> {
        self.0.handle.publish(announcement.encode()?);
        Ok(())
    }

    fn send(&self, id: u64, to: PeerId, addrs: &[Multiaddr], message: &Message) {
        let shared = self.0.clone();
        let from = shared.handle.peer_id();
        if to == from {
            return shared.to_itself(id, message.clone());
        }
        let envelope = Envelope { from, to, message: message.clone() };
        let bytes = match envelope.sign(shared.handle.identity().keypair()) {
            Ok(bytes) => bytes,
            Err(error) => return shared.tell(Heard::Answered { id, result: Err(error.into()) }),
        };
        let is_spec = matches!(message, Message::Spec { .. });
        let outgoing = Outgoing { to, addrs: addrs.to_vec(), bytes, lane: shared.lane(&to) };
        let task = shared.clone();
        shared.handle.spawn(async move {
            let result = if is_spec { fetch(&task, outgoing).await } else { deliver(&task, outgoing).await };
            task.tell(Heard::Answered { id, result });
        });
    }

    fn peers(&self) -> Vec<PeerInfo> {
        self.0.jobs.peer_table().list()
    }

    fn prefix(&self, peer: &PeerId) -> Option<String> {
        self.0.jobs.peer_table().prefix(peer)
    }

    fn addrs(&self) -> Vec<Multiaddr> {
        let me = self.0.handle.peer_id();
        let addrs = self.0.jobs.addrs();
        let named = |addr: &Multiaddr| match addr.iter().last() {
            Some(Protocol::P2p(_)) => addr.clone(),
            _ => addr.clone().with(Protocol::P2p(me)),
        };
        addrs.iter().map(named).collect()
    }

    fn punish(&self, peer: PeerId, why: &str) {
        self.0.refuse(&peer, FORGERY, &why);
    }
}

impl Shared {
    pub(super) fn counting(&self) -> &Counting {
        self.jobs.counting()
    }

    /// Whether the budget of `peer` allows the next message.
    pub(super) fn admits(&self, peer: &PeerId, cost: Cost, now: Instant) -> bool {
        let admission = self.jobs.budgets().admit(peer, cost, now);
        let taken = admission == Admission::Take;
        if !taken {
            self.counting().ignored();
            self.follows(peer, admission);
        }
        taken
    }

    /// `peer` sent an invalid message.
    pub(super) fn refuse(&self, peer: &PeerId, strikes: u64, why: &dyn std::fmt::Display) {
        tracing::debug!(%peer, %why, "refused");
        self.counting().refused();
        self.follows(peer, self.jobs.budgets().strike(peer, strikes, Instant::now()));
    }

    fn follows(&self, peer: &PeerId, admission: Admission) {
        match admission {
            Admission::Take => {}
            Admission::Ignore(score) => self.handle.score(*peer, score),
            Admission::Block => self.handle.block(*peer),
        }
    }

    /// Passes an input to the daemon, now or as soon as its inbox has room.
    fn tell(self: &Arc<Self>, heard: Heard) {
        let Err(mut heard) = (self.listener)(Box::new(heard)) else { return };
        let shared = self.clone();
        self.handle.spawn(async move {
            loop {
                tokio::time::sleep(AGAIN).await;
                match (shared.listener)(heard) {
                    Ok(()) => return,
                    Err(back) => heard = back,
                }
            }
        });
    }

    fn to_itself(self: &Arc<Self>, id: u64, message: Message) {
        let shared = self.clone();
        let reply = ReplyTo::new(move |reply| shared.tell(Heard::Answered { id, result: Ok(reply) }));
        self.tell(Heard::Message { from: self.handle.peer_id(), message, reply });
    }

    fn lane(&self, peer: &PeerId) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.of(peer, || Arc::new(Semaphore::new(LANE))).clone()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("handle", &self.handle).finish_non_exhaustive()
    }
}
