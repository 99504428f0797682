//! Large directories: a HAMT, where the hash of a name determines its position. A look-up reads one path, a listing
//! reads level by level. Both reject entries that contradict the hash, so that look-ups and listings agree.

use std::collections::HashSet;

use super::Meta;
use super::listing::{Listing, MAX_DIR_ENTRIES, checked};
use super::murmur3::murmur3_x64_64;
use super::node::Node;
use super::node_error::NodeError;
use super::nodes::Nodes;
use crate::dag_pb::Link;
use crate::{Cid, DataError};

/// Multicodec of the one hash function that is written.
const MURMUR3_X64_64: u64 = 0x22;
/// Maximum slots of a shard; writers use 256.
pub(super) const MAX_FANOUT: u64 = 1024;
/// Fewest: a byte of the bitfield.
pub(super) const MIN_FANOUT: u64 = 8;
/// Bits of the hash.
const HASH_BITS: u32 = 64;

/// A shard.
#[derive(Debug)]
pub(super) struct Shard {
    /// Bits of the hash that choose the slot.
    bits: u32,
    /// In ascending order of their numbers.
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    number: u64,
    /// `None` where the slot holds another shard.
    name: Option<Box<str>>,
    cid: Cid,
}

/// Where a shard hangs: the bits of the hash that led there.
#[derive(Clone, Copy, Debug)]
struct ShardPosition {
    prefix: u64,
    used: u32,
}

impl Shard {
    /// Reads the links of a shard.
    ///
    /// # Errors
    /// When it contradicts itself.
    pub(super) fn read(links: &[Link], meta: &Meta) -> Result<Self, NodeError> {
        let fanout = meta.fanout.unwrap_or_default();
        if !fanout.is_power_of_two() || !(MIN_FANOUT..=MAX_FANOUT).contains(&fanout) {
            return Err(NodeError::Fanout(fanout));
        }
        match meta.hash {
            Some(MURMUR3_X64_64) => {}
            Some(other) => return Err(NodeError::HashFunction(other)),
            None => return Err(NodeError::NoHashFunction),
        }
        let width = format!("{:X}", fanout - 1).len();
        let slots = links.iter().map(|link| Slot::read(link, width, fanout)).collect::<Result<Vec<_>, _>>()?;
        let numbers: Vec<_> = slots.iter().map(|slot| slot.number).collect();
        if !numbers.is_sorted_by(|a, b| a < b) {
            return Err(NodeError::SlotOrder);
        }
        if set_bits(meta.data.as_deref().unwrap_or_default(), fanout)? != numbers {
            return Err(NodeError::Bitfield);
        }
        Ok(Self { bits: fanout.ilog2(), slots })
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        self.slots.iter().map(|slot| size_of::<Slot>() + slot.name.as_ref().map_or(0, |name| name.len() + 16)).sum()
    }

    /// The shards right below.
    pub(super) fn shards(&self) -> impl Iterator<Item = &Cid> {
        self.slots.iter().filter(|slot| slot.name.is_none()).map(|slot| &slot.cid)
    }
}

impl Slot {
    fn read(link: &Link, width: usize, fanout: u64) -> Result<Self, NodeError> {
        let number = link.name.get(..width).filter(|hex| hex.iter().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F')));
        let number = number.and_then(|hex| u64::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        let number = number
            .filter(|number| *number < fanout)
            .ok_or_else(|| NodeError::SlotNumber(String::from_utf8_lossy(&link.name).into_owned()))?;
        let name = &link.name[width..];
        let name = if name.is_empty() { None } else { Some(checked(name)?) };
        Ok(Self { number, name, cid: link.cid })
    }
}

impl ShardPosition {
    const ROOT: Self = Self { prefix: 0, used: 0 };

    fn below(self, bits: u32, slot: u64) -> Self {
        Self { prefix: self.prefix << bits | slot, used: self.used + bits }
    }

    /// The slot of a name with this hash in a shard at this depth.
    fn slot_of(self, bits: u32, hash: u64) -> Option<u64> {
        let rest = HASH_BITS.checked_sub(self.used + bits)?;
        Some(hash >> rest & ((1 << bits) - 1))
    }

    fn holds(self, hash: u64) -> bool {
        self.used == 0 || hash >> (HASH_BITS - self.used) == self.prefix
    }
}

/// The entry `name` of the directory with the root shard `root`.
///
/// # Errors
/// When a block is unavailable or inconsistent.
pub(super) fn find(nodes: &Nodes, root: &Cid, name: &str) -> Result<Option<Cid>, DataError> {
    let hash = murmur3_x64_64(name.as_bytes());
    let (mut cid, mut place, mut above) = (*root, ShardPosition::ROOT, None);
    loop {
        let node = nodes.get(&cid)?;
        let shard = shard_at(&cid, &node, above)?;
        let number = place.slot_of(shard.bits, hash).ok_or_else(|| too_deep(&cid))?;
        let Ok(index) = shard.slots.binary_search_by_key(&number, |slot| slot.number) else { return Ok(None) };
        let slot = &shard.slots[index];
        if let Some(entry) = &slot.name {
            check_place(&cid, place.below(shard.bits, number), entry)?;
            return Ok((**entry == *name).then_some(slot.cid));
        }
        (cid, place, above) = (slot.cid, place.below(shard.bits, number), Some(shard.bits));
    }
}

/// All entries of the directory with the root shard `root`, whose shards are not kept: the listing is.
///
/// # Errors
/// As for [`find`], and with more than [`MAX_DIR_ENTRIES`] entries.
pub(super) fn list(nodes: &Nodes, root: &Cid) -> Result<Listing, DataError> {
    let (mut level, mut above) = (vec![(*root, ShardPosition::ROOT)], None);
    let (mut entries, mut seen) = (Vec::new(), HashSet::from([*root]));
    while !level.is_empty() {
        let cids: Vec<_> = level.iter().map(|(cid, _)| *cid).collect();
        let mut next = Vec::new();
        let mut bits = None;
        for ((cid, place), node) in level.iter().zip(nodes.each_once(&cids)) {
            let node = node?;
            let shard = shard_at(cid, &node, above)?;
            bits = Some(shard.bits);
            place.slot_of(shard.bits, 0).ok_or_else(|| too_deep(cid))?;
            for slot in &shard.slots {
                let below = place.below(shard.bits, slot.number);
                if let Some(name) = &slot.name {
                    check_place(cid, below, name)?;
                    entries.push((name.clone(), slot.cid));
                } else if seen.insert(slot.cid) {
                    next.push((slot.cid, below));
                } else {
                    let why = "it is in the directory twice, and no name can be in two places";
                    return Err(DataError::unusable(format!("block {}", slot.cid), why));
                }
            }
            if entries.len().max(seen.len()) > MAX_DIR_ENTRIES {
                let why = format!("it has more than {MAX_DIR_ENTRIES} entries or shards");
                return Err(DataError::out_of_bounds(format!("the directory {root}"), why));
            }
        }
        (level, above) = (next, bits);
    }
    Listing::of_entries(entries).map_err(|why| DataError::unusable(format!("the directory {root}"), why.to_string()))
}

/// The shard of `cid`, which hangs below one of `above` bits.
fn shard_at<'a>(cid: &Cid, node: &'a Node, above: Option<u32>) -> Result<&'a Shard, DataError> {
    let malformed = |why: &str| DataError::unusable(format!("block {cid}"), why);
    let Node::Shard(shard) = node else { return Err(malformed("it is linked as a shard, but is not one")) };
    match above {
        Some(above) if above != shard.bits => Err(malformed("the shard has another fanout than the one above it")),
        Some(_) if shard.slots.is_empty() => Err(malformed("the shard is empty and not the first one")),
        _ => Ok(shard),
    }
}

fn check_place(shard: &Cid, place: ShardPosition, name: &str) -> Result<(), DataError> {
    if place.holds(murmur3_x64_64(name.as_bytes())) {
        return Ok(());
    }
    let why = format!("the name {name:?} is in a slot that is not the one of its hash");
    Err(DataError::unusable(format!("block {shard}"), why))
}

fn too_deep(shard: &Cid) -> DataError {
    DataError::unusable(format!("block {shard}"), "it is a shard deeper than the hash of a name is long")
}

/// Positions of the bits set in `bitfield`, whose last byte is the lowest.
fn set_bits(bitfield: &[u8], fanout: u64) -> Result<Vec<u64>, NodeError> {
    let bytes = (0_u64..).step_by(8).zip(bitfield.iter().rev());
    let numbers =
        bytes.flat_map(|(base, byte)| (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| base + bit));
    let numbers: Vec<_> = numbers.collect();
    match numbers.last() {
        Some(last) if *last >= fanout => Err(NodeError::LongBitfield),
        _ => Ok(numbers),
    }
}

#[cfg(test)]
pub(super) mod tests;
