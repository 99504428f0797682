//! Peers that break the rules, written on raw streams.

use futures::AsyncWriteExt;
use tokio::sync::mpsc;

use super::super::last_activity::LastActivity;
use super::super::message::{Kind, Message, Payload, Presence, Want};
use super::super::room::Rooms;
use super::*;
use bacalhau_p2p::HostHandle;
use bacalhau_values::budget::Rate;

/// A node that reads Bitswap messages and answers each as a test says.
pub(super) struct Hostile {
    pub(super) host: Host,
}

/// What is sent as an answer to a message: bytes as they are.
type Answering = fn(Message) -> Vec<Vec<u8>>;

fn hostile(answering: Answering) -> Hostile {
    let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    let host = Host::start(&HostConfig { listen, ..HostConfig::default() }).unwrap();
    let mut streams = host.handle().accept(PROTOCOL, ACCEPTED);
    let handle = host.handle().clone();
    host.handle().spawn(async move {
        while let Some(mut stream) = streams.recv().await {
            let (handle, peer) = (handle.clone(), stream.peer);
            let pulse = LastActivity::new(std::time::Instant::now());
            tokio::spawn(async move {
                let room = Rooms::new().of_peer();
                while let Ok(Some((bytes, _))) = frame::read(&mut stream, &pulse, &room).await {
                    say(&handle, peer, answering(Message::decode(bytes).unwrap())).await;
                }
            });
        }
    });
    Hostile { host }
}

impl Hostile {
    /// Has `peer` connect, and waits until both sides know.
    fn meets(&self, peer: &Peer) {
        let (up, is_up) = channel();
        let id = peer.host.peer_id();
        self.host.handle().watch(move |event| {
            if event == bacalhau_p2p::PeerEvent::Up(id) {
                let _ = up.send(());
            }
        });
        peer.connect(&self.host);
        is_up.recv_timeout(BOUND).unwrap();
    }
}

/// Sends `pieces`, each on a stream of its own, as kubo does.
async fn say(host: &HostHandle, peer: PeerId, pieces: Vec<Vec<u8>>) {
    for piece in pieces {
        let Ok(mut stream) = host.open(peer, PROTOCOL).await else { return };
        let _ = stream.write_all(&piece).await;
        let _ = stream.close().await;
    }
}

pub(super) fn silent() -> Hostile {
    hostile(|_| Vec::new())
}

fn bytes(message: &Message) -> Vec<u8> {
    message.encode().concat()
}

fn payload(cid: &Cid, data: &[u8]) -> Message {
    let block = Payload { prefix: cid_prefix::of(cid).into(), data: bytes::Bytes::copy_from_slice(data) };
    Message { blocks: vec![block], ..Message::default() }
}

/// A node that tries `hostile` and a good one, and gets its block from the good one; and what the hostile one was.
fn survives(hostile: &Hostile) -> PeerStats {
    let (good, b) = (peer(patient()), peer(Config { reask: Duration::from_millis(100), ..patient() }));
    let cid = good.blockstore.put(Block::of(Code::Raw, "good"));
    b.connect(&hostile.host);
    let answered = b.want(&[cid]);
    b.connect(&good.host);
    assert_eq!(answered.recv_timeout(BOUND).unwrap().1.unwrap(), "good");
    b.stats(&hostile.host)
}

#[test]
fn a_silent_peer_is_given_up_and_named() {
    let (silent, b) = (silent(), peer(quick()));
    b.connect(&silent.host);
    let why = b.why(Block::of(Code::Raw, "x").cid());
    assert!(why.contains(&format!("peer {} sent nothing in 0.", silent.host.peer_id())), "{why}");
    survives(&silent);
}

#[test]
fn have_and_nothing_after_it_is_given_up_and_named() {
    let liar = hostile(|message| {
        let presences = message.wants.iter().map(|want| Presence { cid: want.cid, have: true }).collect();
        vec![bytes(&Message { presences, ..Message::default() })]
    });
    let b = peer(quick());
    b.connect(&liar.host);
    let why = b.why(Block::of(Code::Raw, "x").cid());
    assert!(why.contains("sent nothing in 0."), "{why}");
    survives(&liar);
}

#[test]
fn corrupt_and_unasked_blocks_are_dropped_and_counted() {
    let corrupt = hostile(|message| {
        let wants = message.wants.iter().filter(|want| want.kind == Kind::Block);
        wants.map(|want| bytes(&payload(&want.cid, b"something else"))).collect()
    });
    assert!(survives(&corrupt).blocks_unasked >= 1);
    let b = peer(quick());
    b.connect(&corrupt.host);
    b.why(Block::of(Code::Raw, "x").cid());
    let stats = b.stats(&corrupt.host);
    assert!(stats.blocks_unasked >= 1 && stats.blocks_received == 0, "{stats:?}");
}

#[test]
fn who_floods_with_what_nobody_asked_for_is_thrown_out() {
    let flood =
        hostile(|_| (0..8_u8).map(|byte| bytes(&payload(Block::of(Code::Raw, "").cid(), &[byte; 4096]))).collect());
    let mut config = patient();
    config.budget.unasked = Rate { per_second: 1, burst: 10_000 };
    let b = peer(config);
    b.connect(&flood.host);
    let why = b.why(Block::of(Code::Raw, "x").cid());
    assert!(why.contains("the connection was lost"), "{why}");
    // And is not spoken to when it comes back.
    let _ = b.host.connect(&flood.host.listen_addrs()[0]);
    assert!(b.why(Block::of(Code::Raw, "x").cid()).contains("no Bitswap peer"));
}

#[test]
fn too_large_messages_and_blocks_and_nonsense_cost_the_stream_only() {
    let large = hostile(|message| {
        let Some(want) = message.wants.first() else { return Vec::new() };
        let mut length = Vec::new();
        bacalhau_cas::protobuf::put_varint(&mut length, 5 << 20);
        let block = bytes(&payload(&want.cid, &vec![0; bacalhau_cas::MAX_BLOCK_BYTES + 1]));
        vec![length, block, vec![0xff; 64], vec![3, 0x0b, 0x0b, 0x0b]]
    });
    let b = peer(quick());
    b.connect(&large.host);
    let why = b.why(Block::of(Code::Raw, "x").cid());
    assert!(why.contains("sent nothing in"), "{why}");
    assert!(b.stats(&large.host).streams_broken >= 4);
    survives(&large);
}

#[test]
fn who_does_not_speak_bitswap_is_named() {
    let deaf =
        Host::start(&HostConfig { listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()], ..HostConfig::default() });
    let (deaf, b) = (deaf.unwrap(), peer(patient()));
    b.connect(&deaf);
    let why = b.why(Block::of(Code::Raw, "x").cid());
    assert!(why.contains("does not support /ipfs/bitswap/1.2.0"), "{why}");
}

#[test]
fn a_flood_of_wants_is_dropped_and_then_ends_the_conversation() {
    let flood = silent();
    let mut config = patient();
    config.queue = 100;
    config.budget.wants_received = Rate { per_second: 10, burst: 2000 };
    config.budget.delay = Duration::from_millis(1);
    config.budget.drops = 3;
    let b = peer(config);
    flood.meets(&b);
    let (gone, mut is_gone) = mpsc::unbounded_channel();
    let (id, handle) = (b.host.peer_id(), flood.host.handle().clone());
    flood.host.handle().watch(move |event| {
        if event == bacalhau_p2p::PeerEvent::Down(id) {
            let _ = gone.send(());
        }
    });
    let wants = |count: usize| {
        let cid = |number: usize| *Block::of(Code::Raw, number.to_string()).cid();
        let want = |number| Want { cid: cid(number), kind: Kind::Block, dont_have: false };
        Message { wants: (0..count).map(want).collect(), ..Message::default() }
    };
    let (message, (ended, end)) = (bytes(&wants(1000)), channel());
    flood.host.handle().spawn(async move {
        let mut stream = handle.open(id, PROTOCOL).await.unwrap();
        while stream.write_all(&message).await.is_ok() && is_gone.try_recv().is_err() {}
        ended.send(()).unwrap();
    });
    end.recv_timeout(BOUND).expect("the flood is thrown out");
    let stats = b.stats(&flood.host);
    assert!(stats.wants_received >= 4000 && stats.wants_dropped > 1000, "{stats:?}");
}

#[test]
fn one_that_begins_many_large_messages_and_ends_none_is_thrown_out() {
    let (sender, b) = (silent(), peer(patient()));
    sender.meets(&b);
    let (id, handle) = (b.host.peer_id(), sender.host.handle().clone());
    let (sent, done) = channel();
    // Each begins a message of 4 MiB and stops before its end.
    sender.host.handle().spawn(async move {
        let mut begun = Vec::new();
        for _ in 0..24 {
            let mut stream = handle.open(id, PROTOCOL).await.unwrap();
            let mut length = Vec::new();
            bacalhau_cas::protobuf::put_varint(&mut length, 4 << 20);
            stream.write_all(&length).await.unwrap();
            stream.flush().await.unwrap();
            begun.push(stream);
        }
        let zeros = vec![0; 1 << 20];
        let full: Vec<_> = begun.iter_mut().map(|stream| stream.write_all(&zeros)).collect();
        let all = futures::future::join_all(full);
        // Eight are read, eight wait, and the rest is more than was ever asked for: the connection ends.
        let all = tokio::time::timeout(BOUND, all).await;
        sent.send(all.is_ok_and(|all| all.iter().any(Result::is_err))).unwrap();
        std::future::pending::<()>().await;
    });
    assert!(done.recv_timeout(BOUND).unwrap(), "it is not spoken to any more");
    let good = peer(patient());
    let cid = good.blockstore.put(Block::of(Code::Raw, "good"));
    b.connect(&good.host);
    assert_eq!(b.fetch(&[cid]).unwrap(), ["good"]);
}
