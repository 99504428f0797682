//! Contradictions and bounds in one block of `UnixFS`.

use super::hamt::{MAX_FANOUT, MIN_FANOUT};
use super::listing::MAX_DIR_ENTRIES;

/// Why a block is not a node of `UnixFS`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NodeError {
    /// A protobuf node without data.
    #[error("it is a protobuf node without the data of UnixFS")]
    NoData,
    /// The data of `UnixFS` is malformed.
    #[error("{0}")]
    Meta(&'static str),
    /// The target of a symbolic link is not UTF-8.
    #[error("the target of the link is not UTF-8")]
    LinkTarget,
    /// The parts of a file have more or fewer sizes than links.
    #[error("it has {links} links and {sizes} sizes")]
    Sizes { links: usize, sizes: usize },
    /// The sum of the sizes is above 64 bits.
    #[error("the sizes of its parts make more than a file can have")]
    TooLarge,
    /// The size of the file is not the sum of its parts.
    #[error("it says that the file has {size} bytes, but its parts have {parts} together")]
    FileSize { size: u64, parts: u64 },
    /// The number of slots of a shard.
    #[error("the shard has a fanout of {0}, and it must be a power of two from {MIN_FANOUT} to {MAX_FANOUT}")]
    Fanout(u64),
    /// The shard uses another hash function.
    #[error("the shard uses the hash function 0x{0:x} and not murmur3-x64-64")]
    HashFunction(u64),
    /// The shard names no hash function.
    #[error("the shard has no hash function")]
    NoHashFunction,
    /// Slots are repeated or not in ascending order.
    #[error("the slots of the shard are not in order, or one is there twice")]
    SlotOrder,
    /// Bitfield and links disagree.
    #[error("the bitfield of the shard names other slots than its links")]
    Bitfield,
    /// A bit is set beyond the last slot.
    #[error("the bitfield of the shard has more bits than the shard has slots")]
    LongBitfield,
    /// The name of a link has no slot; with the name.
    #[error("the link {0:?} of the shard does not begin with the number of a slot")]
    SlotNumber(String),
    /// Too many entries.
    #[error("the directory has {0} entries, and at most {MAX_DIR_ENTRIES} are read")]
    Entries(usize),
    /// Two entries have one name.
    #[error("the name {0:?} is in the directory twice")]
    Repeated(Box<str>),
    /// A name that is not valid in a directory.
    #[error("the directory has the name {shown:?}: {why}")]
    Name { shown: String, why: &'static str },
}
