//! A peer that announces jobs, hears announcements, and answers what it is asked for as a test wants.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use bacalhau_job::{Announced, AnnouncedJob, Deal, JobBrief, JobId, JobSpec, Request, Requester, SignedRequest};
use bacalhau_network::{Heard, Network, Transport};
use bacalhau_p2p::{Host, HostConfig, JobsConfig};
use bacalhau_protocol::{Announcement, Message, PROTOCOL_VERSION, Reply, SendError, Versions};
use bacalhau_runtime::{Job, Link, Profile};
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};

use bacalhau_testkit::{BOUND, Node, until};

/// What a message is answered; `None` never answers.
type Answers = Box<dyn Fn(&Message) -> Option<Reply> + Send + Sync>;

/// See the module.
pub(crate) struct Peer {
    pub(crate) network: Network,
    pub(crate) me: PeerId,
    heard: Arc<Mutex<Vec<Announcement>>>,
    answered: Mutex<Receiver<(u64, Result<Reply, SendError>)>>,
    /// Messages that are never answered, as long as it lives.
    _held: Arc<Mutex<Vec<Heard>>>,
    _host: Host,
}

impl Peer {
    /// One that is connected to `node`, and answers by `answers`.
    pub(crate) fn at(node: &Node, answers: impl Fn(&Message) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let jobs = JobsConfig { bootstrap: vec![node.peer.parse().unwrap()], ..JobsConfig::default() };
        let host = Host::start(&HostConfig { jobs: Some(jobs), ..HostConfig::default() }).unwrap();
        let (heard, held) = (Arc::<Mutex<Vec<Announcement>>>::default(), Arc::<Mutex<Vec<Heard>>>::default());
        let (answer, answered) = channel();
        let (hears, holds, answers) = (Arc::clone(&heard), Arc::clone(&held), Box::new(answers) as Answers);
        let listener = move |said: Box<Heard>| {
            match *said {
                Heard::Announced { announcement, .. } => hears.lock().unwrap().push(announcement),
                Heard::Message { from, message, reply } => match answers(&message) {
                    Some(answer) => reply.answer(answer),
                    None => holds.lock().unwrap().push(Heard::Message { from, message, reply }),
                },
                Heard::Answered { id, result } => drop(answer.send((id, result))),
                Heard::PeerUp(_) | Heard::PeerDown(_) => {}
            }
            Ok(())
        };
        let network = Network::start(&host, Arc::new(listener)).unwrap();
        assert!(network.wait_for_subscribers(1, BOUND));
        Self { network, me: host.peer_id(), heard, answered: Mutex::new(answered), _held: held, _host: host }
    }

    /// One that only listens.
    pub(crate) fn ear(node: &Node) -> Self {
        Self::at(node, |_| None)
    }

    /// What it has heard of `job`.
    pub(crate) fn heard(&self, job: &JobId) -> Vec<Announcement> {
        until("an announcement is heard", || self.heard.lock().unwrap().iter().any(|it| it.job.id() == *job));
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|it| it.job.id() == *job).cloned().collect()
    }

    /// What `to` answers to a message.
    pub(crate) fn ask(&self, to: &Node, message: &Message) -> Result<Reply, SendError> {
        let addr: Multiaddr = to.peer.parse().unwrap();
        self.network.send(7, to.id.parse().unwrap(), &[addr], message);
        let (id, result) = self.answered.lock().unwrap().recv_timeout(BOUND).unwrap();
        assert_eq!(id, 7);
        result
    }

    /// A job of its own, with arguments, of a client that nobody knows.
    pub(crate) fn job(&self, args: Vec<String>, nonce: &str) -> AnnouncedJob {
        let mut job = Job::new(Link::of_raw(b""));
        job.args = args;
        let spec = JobSpec { timeout_seconds: 60, ..JobSpec::wasm("data:,", job, Deal::new(1, 0).unwrap()) };
        let request = Request { spec, nonce: nonce.into() };
        let request = SignedRequest::sign(request, &Keypair::generate_ed25519()).unwrap();
        AnnouncedJob {
            id: JobId::of(&request, &self.me),
            request,
            requester: Requester { peer: self.me, addrs: Vec::new() },
            shards: vec![Vec::new()],
            created_ms: 0,
            bidding_ms: 20_000,
            fair: None,
        }
    }

    /// Announces a job as it is.
    pub(crate) fn announce(&self, job: Announced) {
        let profiles = vec![Profile::V1.id()];
        let versions = Versions { semver: "0.1.0".into(), protocol: PROTOCOL_VERSION, profiles };
        self.network.announce(&Announcement { job, versions }).unwrap();
    }

    /// Announces a job in brief, whose spec is said to be `bytes`.
    pub(crate) fn announce_in_brief(&self, job: &AnnouncedJob, bytes: &[u8]) {
        self.announce(Announced::Brief(Arc::new(JobBrief::of(job, bytes))));
    }
}
