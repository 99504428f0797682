//! Large directories: a trie of shards in which a name stands where its hash says. Looking up one name reads one path of
//! it, listing reads it level by level. Both believe nothing that the hash of a name contradicts, so that a name is
//! found exactly where it is listed.

use std::collections::HashSet;

use super::Meta;
use super::listing::{Listing, MAX_DIR_ENTRIES, checked};
use super::murmur3::murmur3_x64_64;
use super::node::Node;
use super::nodes::Nodes;
use crate::dag_pb::Link;
use crate::{Cid, DataError};

/// Multicodec of the one hash function that is written.
const MURMUR3_X64_64: u64 = 0x22;
/// Most slots of a shard; 256 are what everybody writes.
const MAX_FANOUT: u64 = 1024;
/// Fewest: a byte of the bitfield.
const MIN_FANOUT: u64 = 8;
/// Bits of the hash.
const HASH_BITS: u32 = 64;

/// One shard.
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
struct Place {
    prefix: u64,
    used: u32,
}

impl Shard {
    /// Reads the links of a shard.
    ///
    /// # Errors
    /// When it contradicts itself.
    pub(super) fn read(links: &[Link], meta: &Meta) -> Result<Self, String> {
        let fanout = meta.fanout.unwrap_or_default();
        if !fanout.is_power_of_two() || !(MIN_FANOUT..=MAX_FANOUT).contains(&fanout) {
            let allowed = format!("and it must be a power of two from {MIN_FANOUT} to {MAX_FANOUT}");
            return Err(format!("the shard has a fanout of {fanout}, {allowed}"));
        }
        match meta.hash {
            Some(MURMUR3_X64_64) => {}
            Some(other) => return Err(format!("the shard uses the hash function 0x{other:x} and not murmur3-x64-64")),
            None => return Err("the shard does not say its hash function".into()),
        }
        let width = format!("{:X}", fanout - 1).len();
        let slots = links.iter().map(|link| Slot::read(link, width, fanout)).collect::<Result<Vec<_>, _>>()?;
        let numbers: Vec<_> = slots.iter().map(|slot| slot.number).collect();
        if !numbers.is_sorted_by(|a, b| a < b) {
            return Err("the slots of the shard are not in order, or one is there twice".into());
        }
        if set_bits(meta.data.as_deref().unwrap_or_default(), fanout)? != numbers {
            return Err("the bitfield of the shard names other slots than its links".into());
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
    fn read(link: &Link, width: usize, fanout: u64) -> Result<Self, String> {
        let number = link.name.get(..width).filter(|hex| hex.iter().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F')));
        let number = number.and_then(|hex| u64::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        let number = number.filter(|number| *number < fanout).ok_or_else(|| {
            let shown = String::from_utf8_lossy(&link.name);
            format!("the link {shown:?} of the shard does not begin with the number of a slot")
        })?;
        let name = &link.name[width..];
        let name = if name.is_empty() { None } else { Some(checked(name)?) };
        Ok(Self { number, name, cid: link.cid })
    }
}

impl Place {
    const ROOT: Self = Self { prefix: 0, used: 0 };

    fn below(self, bits: u32, slot: u64) -> Self {
        Self { prefix: self.prefix << bits | slot, used: self.used + bits }
    }

    /// The slot of a shard at this place in which a name of this hash stands.
    fn slot_of(self, bits: u32, hash: u64) -> Option<u64> {
        let rest = HASH_BITS.checked_sub(self.used + bits)?;
        Some(hash >> rest & ((1 << bits) - 1))
    }

    fn holds(self, hash: u64) -> bool {
        self.used == 0 || hash >> (HASH_BITS - self.used) == self.prefix
    }
}

/// What `name` names in the directory whose first shard is `root`.
///
/// # Errors
/// When a block cannot be had or contradicts another one.
pub(super) fn find(nodes: &Nodes, root: &Cid, name: &str) -> Result<Option<Cid>, DataError> {
    let hash = murmur3_x64_64(name.as_bytes());
    let (mut cid, mut place, mut above) = (*root, Place::ROOT, None);
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

/// All entries of the directory whose first shard is `root`.
///
/// # Errors
/// As for [`find`], and when there are more than [`MAX_DIR_ENTRIES`].
pub(super) fn list(nodes: &Nodes, root: &Cid) -> Result<Listing, DataError> {
    let (mut level, mut above) = (vec![(*root, Place::ROOT)], None);
    let (mut entries, mut seen) = (Vec::new(), HashSet::from([*root]));
    while !level.is_empty() {
        let cids: Vec<_> = level.iter().map(|(cid, _)| *cid).collect();
        let mut next = Vec::new();
        let mut bits = None;
        for ((cid, place), node) in level.iter().zip(nodes.each(&cids)) {
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
    Listing::of_entries(entries).map_err(|why| DataError::unusable(format!("the directory {root}"), why))
}

/// The shard of `cid`, which hangs below one of `above` bits.
fn shard_at<'a>(cid: &Cid, node: &'a Node, above: Option<u32>) -> Result<&'a Shard, DataError> {
    let malformed = |why: &str| DataError::unusable(format!("block {cid}"), why);
    let Node::Shard(shard) = node else { return Err(malformed("it hangs in a shard as a shard, and is none")) };
    match above {
        Some(above) if above != shard.bits => Err(malformed("the shard has another fanout than the one above it")),
        Some(_) if shard.slots.is_empty() => Err(malformed("the shard is empty and not the first one")),
        _ => Ok(shard),
    }
}

fn check_place(shard: &Cid, place: Place, name: &str) -> Result<(), DataError> {
    if place.holds(murmur3_x64_64(name.as_bytes())) {
        return Ok(());
    }
    let why = format!("the name {name:?} is in a slot that is not the one of its hash");
    Err(DataError::unusable(format!("block {shard}"), why))
}

fn too_deep(shard: &Cid) -> DataError {
    DataError::unusable(format!("block {shard}"), "it is a shard deeper than the hash of a name is long")
}

/// The numbers of the bits that are set in `bitfield`, whose last byte holds the lowest ones.
fn set_bits(bitfield: &[u8], fanout: u64) -> Result<Vec<u64>, String> {
    let bytes = (0_u64..).step_by(8).zip(bitfield.iter().rev());
    let numbers =
        bytes.flat_map(|(base, byte)| (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| base + bit));
    let numbers: Vec<_> = numbers.collect();
    match numbers.last() {
        Some(last) if *last >= fanout => Err("the bitfield of the shard has more bits than the shard has slots".into()),
        _ => Ok(numbers),
    }
}

#[cfg(test)]
pub(super) mod tests;
