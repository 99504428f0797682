//! Real nodes on loopback that tell each other of jobs, and what becomes of those who do not keep the rules.

mod hostile;
mod reach;

use std::num::NonZero;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::*;
use bacalhau_identity::Identity;
use bacalhau_p2p::{Budgets, Host, HostConfig, JobsConfig, Threads, TransportError};
use bacalhau_protocol::{Refusal, SendError};
use bacalhau_testkit::jobs::{announcement, running};

const SOON: Duration = Duration::from_secs(20);
const TCP: &str = "/ip4/127.0.0.1/tcp/0";

/// A node of a test, and what it hears.
struct Node {
    host: Host,
    network: Network,
    heard: Receiver<Heard>,
}

fn config(listen: &str, jobs: JobsConfig) -> HostConfig {
    let listen = if listen.is_empty() { Vec::new() } else { vec![listen.parse().unwrap()] };
    let threads = NonZero::new(1).unwrap();
    HostConfig { listen, threads, jobs: Some(jobs), ..HostConfig::default() }
}

/// Knows these at first.
fn knowing(nodes: &[&Node]) -> JobsConfig {
    JobsConfig { bootstrap: nodes.iter().map(|node| node.addr()).collect(), reachable: true, ..JobsConfig::default() }
}

impl Node {
    fn start(config: &HostConfig) -> Self {
        let host = Host::start(config).unwrap();
        let (sender, heard) = sync_channel(1000);
        let listener = move |heard: Box<Heard>| {
            // Whoever is full, or was dropped, hears nothing more.
            drop(sender.try_send(*heard));
            Ok(())
        };
        let network = Network::start(&host, Arc::new(listener)).unwrap();
        Self { host, network, heard }
    }

    fn peer(&self) -> PeerId {
        self.host.peer_id()
    }

    fn addr(&self) -> Multiaddr {
        self.host.listen_addrs()[0].clone()
    }

    /// The next thing that it hears for which `wanted` has an answer. Messages that are passed over get none.
    fn hears<T>(&self, mut wanted: impl FnMut(Heard) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        loop {
            let heard = self.heard.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            if let Some(found) = wanted(heard.expect("it hears nothing more of the kind")) {
                return found;
            }
        }
    }

    fn hears_job(&self) -> (Announcement, PeerId) {
        self.hears(|heard| match heard {
            Heard::Announced { announcement, from } => Some((announcement, from)),
            _ => None,
        })
    }

    fn hears_message(&self) -> (PeerId, Message, ReplyTo) {
        self.hears(|heard| match heard {
            Heard::Message { from, message, reply } => Some((from, message, reply)),
            _ => None,
        })
    }

    fn hears_answer(&self, to: u64) -> Result<Reply, SendError> {
        self.hears(|heard| match heard {
            Heard::Answered { id, result } if id == to => Some(result),
            _ => None,
        })
    }

    /// Sends to `other`, which takes it, and waits for the answer.
    fn says(&self, other: &Self, number: u16) {
        self.network.send(number.into(), other.peer(), &[other.addr()], &running(number));
        let (from, message, reply) = other.hears_message();
        assert_eq!((from, message), (self.peer(), running(number)));
        reply.answer(Reply::Taken);
        assert_eq!(self.hears_answer(number.into()), Ok(Reply::Taken));
    }
}

/// Waits until `what` is so.
fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !what() {
        assert!(Instant::now() < deadline, "it never comes to that");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[test]
fn a_job_is_heard_by_all_and_in_no_time() {
    let threads = Threads::start(NonZero::new(2).unwrap()).unwrap();
    let start = |jobs| Node::start(&HostConfig { shared: Some(threads.clone()), ..config(TCP, jobs) });
    let first = start(JobsConfig { reachable: true, ..JobsConfig::default() });
    let others: Vec<Node> = (0..6).map(|_| start(knowing(&[&first]))).collect();
    assert!(first.network.wait_for_subscribers(others.len(), SOON));
    let announced = announcement(first.peer(), "1");
    first.network.announce(&announced).unwrap();
    for other in &others {
        assert_eq!(other.hears_job(), (announced.clone(), first.peer()));
    }
    // The same job again is news again: those who missed it hear it now.
    first.network.announce(&announced).unwrap();
    for other in &others {
        assert_eq!(other.hears_job().0, announced);
    }
    // One that only the first is connected to is heard by the others through it.
    let far = announcement(others[0].peer(), "2");
    assert!(others[0].network.wait_for_subscribers(1, SOON));
    others[0].network.announce(&far).unwrap();
    assert_eq!(others[5].hears_job(), (far, others[0].peer()));
    assert_eq!(first.network.counters().peers, 6);
    assert_eq!(first.network.counters().messages_out, 2);
    assert!(first.network.peers().iter().all(|info| info.listens));
}

#[test]
fn a_message_is_answered_once_by_whom_it_is_for() {
    let (one, two) =
        (Node::start(&config(TCP, JobsConfig::default())), Node::start(&config("", JobsConfig::default())));
    two.says(&one, 1);
    // Back, over the connection that there is: the other has no address.
    one.network.send(2, two.peer(), &[], &running(2));
    let (_, _, reply) = two.hears_message();
    reply.answer(Reply::Refused(Refusal::Unknown));
    assert_eq!(one.hears_answer(2), Ok(Reply::Refused(Refusal::Unknown)));
    // To itself.
    one.network.send(3, one.peer(), &[], &running(3));
    let (from, message, reply) = one.hears_message();
    assert_eq!((from, message), (one.peer(), running(3)));
    reply.answer(Reply::Taken);
    assert_eq!(one.hears_answer(3), Ok(Reply::Taken));
    assert_eq!(one.network.addrs(), one.host.listen_addrs());
}

#[test]
fn a_log_is_an_answer_with_bytes() {
    let (one, two) =
        (Node::start(&config(TCP, JobsConfig::default())), Node::start(&config("", JobsConfig::default())));
    let Message::Running(about) = running(1) else { unreachable!() };
    let log = Message::Log { execution: about.execution, stderr: true, offset: 7 };
    two.network.send(1, one.peer(), &[one.addr()], &log);
    let (_, message, reply) = one.hears_message();
    assert_eq!(message, log);
    let part = Reply::Log { bytes: vec![7; 500_000], ended: false };
    reply.answer(part.clone());
    assert_eq!(two.hears_answer(1), Ok(part));
}

#[test]
fn who_does_not_answer_or_is_not_there_is_said() {
    let (one, two) =
        (Node::start(&config(TCP, JobsConfig::default())), Node::start(&config("", JobsConfig::default())));
    two.network.send(1, one.peer(), &[one.addr()], &running(1));
    drop(one.hears_message());
    let why = two.hears_answer(1).unwrap_err().to_string();
    assert!(why.contains("has not answered"), "{why}");
    let nobody = PeerId::random();
    let closed = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
    two.network.send(2, nobody, &[closed], &running(2));
    let why = two.hears_answer(2).unwrap_err().to_string();
    assert!(why.contains(&nobody.to_string()), "{why}");
}

#[test]
fn a_node_without_jobs_speaks_none_of_it() {
    let plain = Host::start(&HostConfig { listen: vec![TCP.parse().unwrap()], ..HostConfig::default() }).unwrap();
    assert!(matches!(Network::start(&plain, Arc::new(|_| Ok(()))), Err(TransportError::NoJobs)));
    let node = Node::start(&config("", JobsConfig::default()));
    node.network.send(1, plain.peer_id(), plain.listen_addrs(), &running(1));
    let why = node.hears_answer(1).unwrap_err().to_string();
    assert!(why.contains("does not support /bacalhau/messages/1"), "{why}");
}

#[test]
fn a_node_that_is_alone_talks_to_itself() {
    let (sender, heard) = sync_channel(10);
    let listener: Listener = Arc::new(move |heard| {
        sender.send(*heard).unwrap();
        Ok(())
    });
    let me = PeerId::random();
    let alone = SingleNodeTransport::new(me, listener);
    alone.send(1, me, &[], &running(1));
    let Heard::Message { from, reply, .. } = heard.recv().unwrap() else { panic!("no message") };
    assert_eq!(from, me);
    reply.answer(Reply::Taken);
    assert!(matches!(heard.recv().unwrap(), Heard::Answered { id: 1, result: Ok(Reply::Taken) }));
    alone.send(2, PeerId::random(), &[], &running(1));
    assert!(matches!(heard.recv().unwrap(), Heard::Answered { id: 2, result: Err(_) }));
    assert!(alone.peers().is_empty() && alone.announce(&announcement(me, "1")).is_ok());
}
