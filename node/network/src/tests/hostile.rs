//! Nodes that do not keep the rules.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::AsyncReadExt;
use libp2p::identity::Keypair;

use super::super::frame::write;
use super::super::outbox::PROTOCOL;
use super::*;
use bacalhau_p2p::Allowance;
use bacalhau_protocol::Envelope;
use bacalhau_testkit::jobs::{altered, key};
use bacalhau_values::budget::Rate;

/// Sends these bytes to `to`, without any rule, and returns what comes back until the stream ends.
fn raw(host: &Host, to: PeerId, bytes: Vec<u8>) -> Vec<u8> {
    let (sender, received) = sync_channel(1);
    let handle = host.handle().clone();
    host.handle().spawn(async move {
        let mut answer = Vec::new();
        if let Ok(mut stream) = handle.open(to, PROTOCOL).await {
            let _ = futures::AsyncWriteExt::write_all(&mut stream, &bytes).await;
            let _ = futures::AsyncWriteExt::flush(&mut stream).await;
            let _ = stream.read_to_end(&mut answer).await;
        }
        let _ = sender.send(answer);
    });
    received.recv_timeout(SOON).unwrap()
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut framed = futures::io::Cursor::new(Vec::new());
    futures::executor::block_on(write(&mut framed, bytes)).unwrap();
    framed.into_inner()
}

/// A host that can write what it likes, connected to `node`.
fn attacker(node: &Node) -> (Host, Keypair) {
    let host = Host::start(&config("", JobsConfig::default())).unwrap();
    host.connect(&node.addr()).unwrap();
    let key = host.handle().identity().keypair().clone();
    (host, key)
}

#[test]
fn a_job_of_somebody_else_is_not_handed_on() {
    let hub = Node::start(&config(TCP, JobsConfig::default()));
    let (forger, other) = (Node::start(&config("", knowing(&[&hub]))), Node::start(&config("", knowing(&[&hub]))));
    assert!(forger.network.wait_for_subscribers(1, SOON) && hub.network.wait_for_subscribers(2, SOON));
    forger.network.announce(&announcement(other.peer(), "forged")).unwrap();
    let forged = altered(&announcement(forger.peer(), "altered"), |job| job.request.request.spec.timeout_seconds += 1);
    forger.network.announce(&forged).unwrap();
    until(|| hub.network.counters().refused == 2);
    // What is honest comes behind it, and is the first that anybody hears.
    let honest = announcement(forger.peer(), "honest");
    forger.network.announce(&honest).unwrap();
    assert_eq!(hub.hears_job(), (honest.clone(), forger.peer()));
    assert_eq!(other.hears_job(), (honest, forger.peer()));
}

#[test]
fn another_protocol_is_ignored_and_no_crime() {
    let (hub, other) = {
        let hub = Node::start(&config(TCP, JobsConfig::default()));
        let other = Node::start(&config("", knowing(&[&hub])));
        (hub, other)
    };
    assert!(other.network.wait_for_subscribers(1, SOON));
    let mut newer = announcement(other.peer(), "1");
    newer.versions.protocol += 1;
    other.network.announce(&newer).unwrap();
    until(|| hub.network.counters().ignored == 1);
    assert_eq!(hub.network.counters().refused, 0);
}

#[test]
fn messages_of_others_and_for_others_are_refused() {
    let node = Node::start(&config(TCP, JobsConfig::default()));
    let (host, own) = attacker(&node);
    let (me, to) = (host.peer_id(), node.peer());
    let sign = |from: PeerId, to: PeerId, key: &Keypair| {
        framed(&Envelope { from, to, message: running(1) }.sign(key).unwrap())
    };
    let somebody = key(5);
    // Well signed, but overheard: its signer is not who is connected.
    assert_eq!(raw(&host, to, sign(somebody.public().to_peer_id(), to, &somebody)), b"");
    // For somebody else.
    assert_eq!(raw(&host, to, sign(me, somebody.public().to_peer_id(), &own)), b"");
    // Signed by somebody else.
    let mut forged = sign(me, to, &own);
    forged[10] ^= 1;
    assert_eq!(raw(&host, to, forged), b"");
    assert_eq!(node.network.counters().refused, 3);
    assert!(node.heard.try_iter().all(|heard| matches!(heard, Heard::PeerUp(_))), "it heard something of that");
}

#[test]
fn too_much_is_not_read() {
    let node = Node::start(&config(TCP, JobsConfig::default()));
    let (host, _) = attacker(&node);
    assert_eq!(raw(&host, node.peer(), u32::MAX.to_be_bytes().to_vec()), b"");
    until(|| node.network.counters().refused == 1);
    assert_eq!(node.network.counters().bytes_in, 0);
    let large = altered(&announcement(node.peer(), "1"), |job| job.shards = vec![job.shards[0].clone(); 10_000]);
    let why = node.network.announce(&large);
    assert!(matches!(why, Err(WireError::TooLarge { .. })));
}

#[test]
fn streams_that_promise_much_and_send_nothing_keep_nothing_from_others() {
    let node = Node::start(&config(TCP, JobsConfig::default()));
    let (host, _) = attacker(&node);
    let (handle, to) = (host.handle().clone(), node.peer());
    let (sender, opened) = sync_channel(1);
    host.handle().spawn(async move {
        let mut held = Vec::new();
        for _ in 0..64 {
            let mut stream = handle.open(to, PROTOCOL).await.unwrap();
            let length = u32::try_from(bacalhau_protocol::MAX_SIGNED_BYTES).unwrap();
            futures::AsyncWriteExt::write_all(&mut stream, &length.to_be_bytes()).await.unwrap();
            futures::AsyncWriteExt::flush(&mut stream).await.unwrap();
            held.push(stream);
        }
        sender.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    opened.recv_timeout(SOON).unwrap();
    let honest = Node::start(&config("", JobsConfig::default()));
    let begun = Instant::now();
    (0..8).for_each(|number| honest.says(&node, number));
    assert!(begun.elapsed() < Duration::from_secs(8), "others wait for bytes that do not come");
    // They are not waited for for long, and that is not forgotten.
    until(|| node.network.counters().refused > 0);
}

#[test]
fn one_that_floods_is_ignored_then_blocked_and_honest_ones_are_heard_beside_it() {
    let peer = Allowance { messages: Rate { per_second: 20, burst: 40 }, ..Budgets::default().peer };
    let strikes = Rate { per_second: 1, burst: 50 };
    let budgets = Budgets { peer, strikes, ..Budgets::default() };
    let node = Node::start(&config(TCP, JobsConfig { budgets, ..JobsConfig::default() }));
    let honest = Node::start(&config("", JobsConfig::default()));
    let (flooder, key) = attacker(&node);
    let bytes = Envelope { from: flooder.peer_id(), to: node.peer(), message: running(9) }.sign(&key).unwrap();
    let (ends, to) = (AtomicBool::new(false), node.peer());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    raw(&flooder, to, framed(&bytes));
                }
            });
        }
        let mut flooded = 0;
        for number in 1..=10 {
            honest.network.send(number.into(), node.peer(), &[node.addr()], &running(number));
            loop {
                let (from, message, reply) = node.hears_message();
                reply.answer(Reply::Taken);
                if from == honest.peer() {
                    assert_eq!(message, running(number));
                    break;
                }
                flooded += 1;
            }
            assert_eq!(honest.hears_answer(number.into()), Ok(Reply::Taken));
        }
        let deadline = Instant::now() + SOON;
        while node.network.counters().blocked == 0 && Instant::now() < deadline {
            flooded += node.heard.try_iter().filter(|heard| matches!(heard, Heard::Message { .. })).count();
            std::thread::park_timeout(Duration::from_millis(2));
        }
        ends.store(true, Ordering::Relaxed);
        let counters = node.network.counters();
        assert!(counters.blocked == 1 && counters.ignored >= 50, "{counters:?}");
        assert!(flooded < 1000, "{flooded}");
    });
    until(|| !node.network.peers().iter().any(|info| info.peer == flooder.peer_id()));
    honest.says(&node, 99);
}

#[test]
fn who_was_blocked_is_spoken_to_again_after_a_while() {
    let budgets = Budgets { block: Duration::from_millis(500), ..Budgets::default() };
    let node = Node::start(&config(TCP, JobsConfig { budgets, ..JobsConfig::default() }));
    let other = Node::start(&config("", JobsConfig::default()));
    other.says(&node, 1);
    for _ in 0..6 {
        node.network.punish(other.peer(), "it is a test");
    }
    until(|| node.network.counters().blocked == 1 && node.network.peers().is_empty());
    let deadline = Instant::now() + SOON;
    for number in 2.. {
        assert!(Instant::now() < deadline, "it is never let in again");
        other.network.send(number, node.peer(), &[node.addr()], &running(2));
        while let Ok(heard) = node.heard.recv_timeout(Duration::from_millis(200)) {
            if let Heard::Message { reply, .. } = heard {
                reply.answer(Reply::Taken);
                assert_eq!(other.hears_answer(number), Ok(Reply::Taken));
                return;
            }
        }
    }
}

#[test]
fn too_many_jobs_of_one_requester_are_ignored_and_others_are_heard() {
    let peer = Allowance { jobs: Rate { per_second: 1, burst: 3 }, ..Budgets::default().peer };
    let budgets = Budgets { peer, ..Budgets::default() };
    let node = Node::start(&config(TCP, JobsConfig { budgets, ..JobsConfig::default() }));
    let (spammer, honest) = (Node::start(&config("", knowing(&[&node]))), Node::start(&config("", knowing(&[&node]))));
    assert!(spammer.network.wait_for_subscribers(1, SOON) && honest.network.wait_for_subscribers(1, SOON));
    for number in 0..30 {
        spammer.network.announce(&announcement(spammer.peer(), &number.to_string())).unwrap();
    }
    until(|| node.network.counters().ignored >= 20);
    let wanted = announcement(honest.peer(), "1");
    honest.network.announce(&wanted).unwrap();
    let mut spam = 0;
    let other = node.hears(|heard| match heard {
        Heard::Announced { from, .. } if from == spammer.peer() => {
            spam += 1;
            None
        }
        Heard::Announced { announcement, .. } => Some(announcement),
        _ => None,
    });
    assert_eq!(other, wanted);
    assert!((3..10).contains(&spam), "{spam}");
}

#[test]
fn a_closed_cluster_speaks_to_nobody_else() {
    let (member, stranger) =
        (Node::start(&config(TCP, JobsConfig::default())), Node::start(&config(TCP, JobsConfig::default())));
    let allow = Some([member.peer()].into());
    let closed = Node::start(&HostConfig { allow, ..config(TCP, JobsConfig::default()) });
    member.says(&closed, 1);
    stranger.network.send(2, closed.peer(), &[closed.addr()], &running(2));
    assert!(stranger.hears_answer(2).is_err());
    let why = closed.host.connect(&stranger.addr()).unwrap_err().to_string();
    assert!(why.ends_with("peer is not in the allow list"), "{why}");
    assert!(closed.network.peers().iter().all(|info| info.peer == member.peer()));
}

#[test]
fn what_the_daemon_has_no_room_for_is_ignored_and_its_own_answers_wait() {
    let host = Host::start(&config(TCP, JobsConfig::default())).unwrap();
    let (sender, heard) = sync_channel(100);
    let full = Arc::new(AtomicBool::new(true));
    let busy = full.clone();
    let listener = move |heard: Box<Heard>| {
        if busy.load(Ordering::SeqCst) {
            return Err(heard);
        }
        sender.try_send(*heard).unwrap();
        Ok(())
    };
    let network = Network::start(&host, Arc::new(listener)).unwrap();
    let other = Node::start(&config(TCP, JobsConfig::default()));
    other.network.send(1, host.peer_id(), host.listen_addrs(), &running(1));
    assert!(other.hears_answer(1).unwrap_err().to_string().contains("has not answered"));
    assert_eq!(network.counters().ignored, 1);
    network.send(2, other.peer(), &[other.addr()], &running(2));
    other.hears_message().2.answer(Reply::Taken);
    until(|| network.counters().messages_out == 1);
    full.store(false, Ordering::SeqCst);
    let answer = std::iter::from_fn(|| heard.recv_timeout(SOON).ok())
        .find(|heard| matches!(heard, Heard::Answered { .. }))
        .unwrap();
    assert!(matches!(answer, Heard::Answered { id: 2, result: Ok(Reply::Taken) }));
}
