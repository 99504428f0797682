//! Several peers: each has a part, or dies, or does nothing while another would.

use super::*;

#[test]
fn parts_are_put_together_from_several_peers() {
    let (a, b, c) = (peer(patient()), peer(patient()), peer(patient()));
    let all = blocks(80, 64 << 10);
    for (index, block) in all.iter().enumerate() {
        let half = if index % 2 == 0 { &a } else { &b };
        half.blockstore.put(block.clone());
    }
    c.connect(&a.host);
    c.connect(&b.host);
    let cids: Vec<_> = all.iter().map(|block| *block.cid()).collect();
    let fetched = c.fetch(&cids).unwrap();
    assert!(fetched.iter().zip(&all).all(|(bytes, block)| bytes == block.bytes()));
    assert_eq!(c.stats(&a.host).blocks_received, 40);
    assert_eq!(c.stats(&b.host).blocks_received, 40);
    let why = c.why(Block::of(Code::Raw, "absent").cid());
    for host in [&a.host, &b.host] {
        assert!(why.contains(&format!("peer {} does not have it", host.peer_id())), "{why}");
    }
}

#[test]
fn who_dies_on_the_way_is_replaced() {
    let (a, b, c) = (peer(patient()), peer(patient()), peer(patient()));
    let all = blocks(120, 64 << 10);
    for block in &all {
        a.blockstore.put(block.clone());
        b.blockstore.put(block.clone());
    }
    c.connect(&a.host);
    let cids: Vec<_> = all.iter().map(|block| *block.cid()).collect();
    let answered = c.want(&cids);
    c.connect(&b.host);
    answered.recv_timeout(BOUND).unwrap().1.unwrap();
    drop(a);
    for _ in 1..cids.len() {
        answered.recv_timeout(BOUND).unwrap().1.unwrap();
    }
}

#[test]
fn who_was_the_only_one_and_dies_is_named() {
    let comeback = Duration::from_millis(100);
    let (silent, b) = (hostile::silent(), peer(Config { comeback, ..patient() }));
    b.connect(&silent.host);
    let answered = b.want(&[*Block::of(Code::Raw, "x").cid()]);
    let id = silent.host.peer_id();
    drop(silent);
    let why = answered.recv_timeout(BOUND).unwrap().1.unwrap_err().to_string();
    assert!(why.contains(&format!("peer {id}")), "{why}");
}

#[test]
fn cancelled_wants_are_not_answered() {
    let (silent, b) = (hostile::silent(), peer(quick()));
    b.connect(&silent.host);
    let cid = *Block::of(Code::Raw, "x").cid();
    let answered = b.want(&[cid]);
    b.bitswap.cancel(&[cid]);
    // Whoever waits is forgotten, which closes the channel.
    assert!(answered.recv_timeout(BOUND).is_err());
}
