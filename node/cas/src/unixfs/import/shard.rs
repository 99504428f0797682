//! A large directory as a HAMT (<https://specs.ipfs.tech/unixfs/#dag-pb-hamtdirectory>): the first byte of a name's
//! hash selects the slot in the root shard, the second the slot below, while names collide.

use super::entry::Entry;
use super::out::{Out, Part};
use crate::DataError;
use crate::dag_pb::Node;
use crate::unixfs::murmur3::murmur3_x64_64;
use crate::unixfs::{Meta, MetaKind};

/// Slots of a shard; one byte of the hash chooses among them.
const SLOTS: usize = 256;
/// Bytes of the hash.
const MAX_DEPTH: u32 = 8;
/// Multicodec of the hash function.
const MURMUR3_X64_64: u64 = 0x22;

struct Hashed {
    hash: u64,
    entry: Entry,
}

/// Hands on the shards of `entries`, the topmost one last.
pub(super) fn put(entries: Vec<Entry>, out: &mut Out<'_>) -> Result<Part, DataError> {
    let mut hashed: Vec<_> =
        entries.into_iter().map(|entry| Hashed { hash: murmur3_x64_64(entry.name.as_bytes()), entry }).collect();
    // This order groups the names of every slot of every shard.
    hashed.sort_unstable_by_key(|hashed| hashed.hash);
    put_shard(&hashed, 0, out)
}

fn put_shard(hashed: &[Hashed], depth: u32, out: &mut Out<'_>) -> Result<Part, DataError> {
    if depth == MAX_DEPTH {
        let names = hashed.iter().map(|hashed| &hashed.entry.name).collect::<Vec<_>>();
        let why = "their names have the same hash, which IPFS directories cannot contain: rename one";
        return Err(DataError::out_of_bounds(format!("the directory with {names:?}"), why));
    }
    let slot_of = |hashed: &Hashed| hashed.hash.to_be_bytes()[depth as usize];
    let mut links = Vec::new();
    let mut taken = [0_u8; SLOTS / 8];
    for slot in hashed.chunk_by(|a, b| slot_of(a) == slot_of(b)) {
        let index = slot_of(&slot[0]);
        taken[SLOTS / 8 - 1 - usize::from(index / 8)] |= 1 << (index % 8);
        links.push(match slot {
            [Hashed { entry, .. }] => entry.part.link(format!("{index:02X}{}", entry.name)),
            several => put_shard(several, depth + 1, out)?.link(format!("{index:02X}")),
        });
    }
    // A number with the lowest slot last, without the zeros before it.
    let zeros = taken.iter().take_while(|byte| **byte == 0).count();
    let meta = Meta {
        data: Some(taken[zeros..].to_vec().into()),
        hash: Some(MURMUR3_X64_64),
        fanout: Some(SLOTS as u64),
        ..Meta::of(MetaKind::HamtShard)
    };
    out.put_node(&Node { links, data: Some(meta.encode().into()) }, 0)
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;
    use crate::{Block, Code};

    #[test]
    fn names_that_no_depth_tells_apart_are_refused() {
        let part = Part::of(&Block::of(Code::Raw, "x"), 1);
        let entries = vec![Entry { name: "twin".into(), part }; 2];
        let mut sink = |_: Block| Ok(());
        let mut out = Out { layout: Profile::default().layout(), sink: &mut sink, blocks: 0 };
        let error = put(entries, &mut out).unwrap_err().to_string();
        assert!(error.contains("twin") && error.contains("same hash"), "{error}");
    }
}
