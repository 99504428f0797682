//! A node that floods all connected peers with messages and announcements. It starts at its first bid, after the
//! network has formed, and sends nothing else afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use bacalhau_receipt::{Job, Profile};
use bacalhau_tree::{HostFailure, Link};
use libp2p::PeerId;
use libp2p::identity::Keypair;

use super::message_fault::{MessageFault, Outgoing, foreign_id};
use bacalhau_daemon::versions;
use bacalhau_job::{AnnouncedJob, Deal, JobId, JobSpec, Request, RequestError, Requester, SignedRequest};
use bacalhau_network::{Network, Transport};
use bacalhau_protocol::{Announcement, Message, Running};

/// Messages to each peer for each job that is announced.
const MESSAGES: usize = 20;
/// Pause for other threads.
const PAUSE: Duration = Duration::from_millis(2);

/// Floods the network.
#[derive(Debug)]
pub(super) struct Flooder {
    began: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Flooder {
    /// Floods `network` from its first message on, while the network exists.
    pub(super) fn new(me: PeerId, network: &Arc<Network>) -> Result<Self, HostFailure> {
        let began = Arc::new(AtomicBool::new(false));
        let (network, begins) = (Arc::downgrade(network), Arc::clone(&began));
        let thread = thread::Builder::new().name("flooder".into()).spawn(move || flood(me, &network, &begins));
        let thread = thread.map_err(|error| HostFailure::io("start a thread", error))?;
        Ok(Self { began, thread })
    }
}

impl MessageFault for Flooder {
    fn say(&self, _: &Arc<Network>, _: Outgoing) {
        self.began.store(true, Ordering::Release);
        self.thread.thread().unpark();
    }
}

fn flood(me: PeerId, network: &Weak<Network>, begins: &AtomicBool) {
    let key = Keypair::generate_ed25519();
    for number in 0_u64.. {
        thread::park_timeout(PAUSE);
        let Some(network) = network.upgrade() else { return };
        if !begins.load(Ordering::Acquire) {
            continue;
        }
        let Ok(job) = junk(me, &key, number) else { return };
        let message = Message::Running(Running { execution: job.id.execution(0, 1) });
        for peer in network.peers() {
            for _ in 0..MESSAGES {
                network.send(foreign_id(), peer.peer, &[], &message);
            }
        }
        // It fits: it is small.
        let _ = network.announce(&Announcement { job: job.into(), versions: versions(&[Profile::V1.id()]) });
    }
}

/// A valid job that is not mentioned again.
fn junk(me: PeerId, key: &Keypair, number: u64) -> Result<AnnouncedJob, RequestError> {
    let job = Job::new(Link::of_raw(b""));
    let spec = JobSpec {
        timeout_seconds: 1,
        ..JobSpec::wasm("data:,", job, Deal::new(1, 0).map_err(|_| RequestError::Signature)?)
    };
    let request = SignedRequest::sign(Request { spec, nonce: number.to_string() }, key)?;
    let id = JobId::of(&request, &me);
    let requester = Requester { peer: me, addrs: Vec::new() };
    Ok(AnnouncedJob { id, request, requester, shards: vec![Vec::new()], created_ms: 0, bidding_ms: 1_000, fair: None })
}
