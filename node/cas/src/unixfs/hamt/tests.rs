//! Shards: those that others write are read, and those that make no sense are refused.

use bacalhau_tree::{Kind, Tree};
use bytes::Bytes;

use super::*;
use crate::unixfs::MetaKind;
use crate::unixfs::samples::{Samples, link, words};
use crate::{Block, identity_bytes};

/// 1000 names `name-0 ünïcode`, `name-1`, …, each tenth with ` ünïcode` behind it, over raw blocks of one digit, written
/// by ipfs-unixfs-importer 17 with `shardSplitThresholdBytes: 0`.
const HELIA: &[u8] = include_bytes!("testdata/helia-1000-names.car");
const HELIA_ROOT: &str = "bafybeibkbfesmft2p4rrbbivs334vmplig6ao2jnzrzvauu7sz7cheauqq";

pub(in crate::unixfs) fn helia(samples: &Samples) -> Cid {
    let mut rest = HELIA;
    let mut section = || {
        let (length, after) = unsigned_varint::decode::usize(rest).ok()?;
        let (section, after) = after.split_at(length);
        rest = after;
        Some(section)
    };
    section();
    while let Some(mut section) = section() {
        let cid = Cid::read_bytes(&mut section).unwrap();
        samples.blockstore.put(Block::new(cid, Bytes::from_static(section)).unwrap());
    }
    HELIA_ROOT.parse().unwrap()
}

fn name(number: usize) -> String {
    format!("name-{number}{}", if number.is_multiple_of(10) { " ünïcode" } else { "" })
}

#[test]
fn what_helia_writes_is_listed_level_by_level() {
    let samples = Samples::new();
    let tree = samples.tree(&helia(&samples));
    let mut names: Vec<_> = (0..1000).map(name).collect();
    names.sort();
    let listed = tree.list("").unwrap();
    assert!(listed.iter().all(|entry| entry.kind == Kind::File));
    assert_eq!(listed.into_iter().map(|entry| entry.name).collect::<Vec<_>>(), names);
    let hints = samples.hints();
    let shards = samples.taken().len();
    assert_eq!(hints.iter().map(Vec::len).sum::<usize>(), shards - 1);
    assert!(hints.len() <= 3, "one batch for each level");
}

#[test]
fn one_name_is_looked_up_along_one_way() {
    let samples = Samples::new();
    let root = helia(&samples);
    for number in 0..1000 {
        let tree = samples.open(&root, &name(number)).unwrap();
        assert_eq!(tree.size(), Some(1));
        let mut buf = [0];
        tree.open("").unwrap().read_at(&mut buf, 0).unwrap();
        assert_eq!(buf[0], b'0' + u8::try_from(number % 7).unwrap());
        assert!(samples.taken().len() <= 5, "three shards and the file");
    }
    for absent in ["name-1000", "", "..", "name-0"] {
        let nodes = Nodes::new(samples.clone());
        assert_eq!(find(&nodes, &root, absent).unwrap(), None, "{absent}");
    }
}

/// A shard with these links, and with the bitfield that belongs to them.
fn shard(samples: &Samples, fanout: u64, links: &[(&str, Cid)]) -> Cid {
    let width = format!("{:X}", fanout - 1).len();
    let mut bits = vec![0; usize::try_from(fanout / 8).unwrap()];
    for (name, _) in links {
        let slot = name.get(..width).and_then(|hex| usize::from_str_radix(hex, 16).ok()).unwrap_or_default();
        let last = bits.len() - 1;
        if slot / 8 <= last {
            bits[last - slot / 8] |= 1 << (slot % 8);
        }
    }
    let links = links.iter().map(|(name, cid)| link(name, *cid)).collect();
    samples.node(&meta(bits, fanout), links)
}

fn meta(bits: Vec<u8>, fanout: u64) -> Meta {
    let (hash, fanout) = (Some(MURMUR3_X64_64), Some(fanout));
    Meta { data: Some(bits.into()), hash, fanout, ..Meta::of(MetaKind::HamtShard) }
}

/// The name with the numbers of its slots before it.
fn placed(name: &str, bits: u32, level: u32) -> String {
    let slot = murmur3_x64_64(name.as_bytes()) >> (64 - bits * (level + 1)) & ((1 << bits) - 1);
    format!("{slot:0width$X}{name}", width = format!("{:X}", (1 << bits) - 1).len())
}

#[test]
fn any_fanout_that_is_a_power_of_two_is_read() {
    let samples = Samples::new();
    for bits in [3, 4, 8, 10] {
        let fanout = 1 << bits;
        let lower = shard(&samples, fanout, &[(&placed("hello", bits, 1), samples.raw("x"))]);
        let upper = placed("hello", bits, 0);
        let root = shard(&samples, fanout, &[(upper.strip_suffix("hello").unwrap(), lower)]);
        let tree = samples.tree(&root);
        assert_eq!(tree.stat("hello").unwrap().size, 1);
        assert_eq!(tree.list("").unwrap().len(), 1);
        assert_eq!(tree.list("").unwrap()[0].name, "hello");
    }
    assert_eq!(samples.tree(&shard(&samples, 256, &[])).list("").unwrap(), []);
}

#[test]
fn shards_that_contradict_themselves_are_refused() {
    let samples = Samples::new();
    let x = samples.raw("x");
    let of_hash = |hash| samples.node(&Meta { hash, ..meta(vec![], 256) }, vec![]);
    let table = [
        (samples.node(&meta(vec![], 100), vec![]), "fanout of 100"),
        (samples.node(&meta(vec![], 2048), vec![]), "fanout of 2048"),
        (samples.node(&meta(vec![], 1), vec![]), "fanout of 1,"),
        (of_hash(Some(0x12)), "hash function 0x12"),
        (of_hash(None), "has no hash function"),
        (shard(&samples, 256, &[("G0a", x)]), "does not begin with the number of a slot"),
        (shard(&samples, 256, &[("0", x)]), "does not begin with the number of a slot"),
        (shard(&samples, 256, &[("+1a", x)]), "does not begin with the number of a slot"),
        (shard(&samples, 256, &[("aaa", x)]), "does not begin with the number of a slot"),
        (shard(&samples, 8, &[("8a", x)]), "does not begin with the number of a slot"),
        (shard(&samples, 256, &[("02a", x), ("01b", x)]), "not in order"),
        (shard(&samples, 256, &[("01a", x), ("01b", x)]), "not in order, or one is there twice"),
        (samples.node(&meta(vec![1], 256), vec![link("01a", x)]), "names other slots"),
        (samples.node(&meta(vec![1; 33], 256), vec![]), "more bits than the shard has slots"),
        (shard(&samples, 256, &[("01..", x)]), r#"the name "..""#),
        (shard(&samples, 256, &[("01a/b", x)]), "slash"),
    ];
    for (cid, why) in table {
        let said = words(samples.open(&cid, ""));
        assert!(said.contains(why) && said.contains(&cid.to_string()), "{said}");
    }
}

#[test]
fn shards_that_contradict_each_other_are_refused() {
    let samples = Samples::new();
    let x = samples.raw("x");
    let slot = placed("hello", 8, 0)[..2].to_owned();
    let next = placed("hello", 8, 1);
    let good = shard(&samples, 256, &[(&next, x)]);
    let elsewhere = if slot == "00" { "01" } else { "00" };
    let (first, second) =
        if elsewhere < slot.as_str() { (elsewhere, slot.as_str()) } else { (slot.as_str(), elsewhere) };
    let narrow = shard(&samples, 16, &[(&placed("hello", 4, 2), x)]);
    let table = [
        (shard(&samples, 256, &[(&format!("{elsewhere}hello"), x)]), "not the one of its hash"),
        (shard(&samples, 256, &[(elsewhere, good)]), "not the one of its hash"),
        (shard(&samples, 256, &[(first, good), (second, good)]), "twice"),
        (shard(&samples, 256, &[(&slot, narrow)]), "another fanout"),
        (shard(&samples, 256, &[(&slot, shard(&samples, 256, &[]))]), "empty"),
        (shard(&samples, 256, &[(&slot, samples.dir(&[("hello", x)]))]), "as a shard, but is not one"),
        (shard(&samples, 256, &[(&slot, x)]), "as a shard, but is not one"),
    ];
    for (cid, why) in table {
        let tree = samples.tree(&cid);
        let said = words(tree.list(""));
        let reason = ["not the one of its hash", "twice"];
        assert!(said.contains(why) || reason.iter().any(|other| why == "twice" && said.contains(other)), "{said}");
    }
    let wrong = shard(&samples, 256, &[(&slot, samples.dir(&[("hello", x)]))]);
    assert!(words(samples.open(&wrong, "hello")).contains("as a shard, but is not one"), "also when it is looked up");
}

#[test]
fn a_name_in_a_wrong_slot_is_not_found_there_either() {
    let samples = Samples::new();
    let x = samples.raw("x");
    let slot = &placed("hello", 8, 0)[..2];
    // In the slot of `hello` stands a name that belongs elsewhere.
    let root = shard(&samples, 256, &[(&format!("{slot}other"), x)]);
    assert!(words(samples.open(&root, "hello")).contains("not the one of its hash"));
}

#[test]
fn a_chain_of_shards_ends_with_the_hash_and_a_bomb_of_them_is_seen() {
    let samples = Samples::new();
    let bottom = shard(&samples, 256, &[("00a", samples.raw("x"))]);
    let mut chain = bottom;
    for _ in 0..9 {
        chain = shard(&samples, 256, &[("00", chain)]);
    }
    assert!(words(samples.tree(&chain).list("")).contains("deeper than the hash"));
    let slots: Vec<_> = (0..256).map(|slot| format!("{slot:02X}")).collect();
    let mut bomb = bottom;
    for _ in 0..7 {
        bomb = shard(&samples, 256, &slots.iter().map(|slot| (slot.as_str(), bomb)).collect::<Vec<_>>());
    }
    samples.taken();
    assert!(words(samples.tree(&bomb).list("")).contains("in the directory twice"));
    assert_eq!(samples.taken().len(), 1);
    assert_eq!(identity_bytes(&bomb), None);
}
