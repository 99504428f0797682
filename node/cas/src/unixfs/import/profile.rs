//! Import profiles. The same bytes have many CIDs depending on how they are cut, so each way has a name that is
//! recorded with the result, and this value has everything that determines a CID.

use std::fmt;
use std::str::FromStr;

use cid::Version;

/// The known profiles, with the names of IPIP-499 (<https://specs.ipfs.tech/ipips/ipip-0499>) where it has one. All use
/// SHA-256, equal chunks, balanced trees, links as links, no modes or times, and shards of 256 slots for large
/// directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// As `ipfs add`: `CIDv0`, chunks of 256 KiB wrapped in nodes, 174 links a node.
    UnixfsV02015,
    /// As `ipfs add --cid-version=1`: the same with `CIDv1` and raw chunks.
    #[default]
    KuboCidV1,
    /// As IPIP-499 recommends for new importers: `CIDv1`, raw chunks of 1 MiB, 1024 links a node.
    UnixfsV12025,
}

/// Everything about a profile that changes a CID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Version of the CIDs of nodes. Plain chunks always have version 1.
    pub cid_version: Version,
    /// Length of every chunk but the last.
    pub chunk_bytes: usize,
    /// Most links of a node of a file.
    pub links_per_node: usize,
    /// Whether chunks are plain blocks; else each is wrapped into a node.
    pub raw_leaves: bool,
    /// Measure that decides whether a directory is sharded.
    pub shard_by: ShardBy,
}

/// Measure of a directory. Above [`Layout::SHARD_ABOVE_BYTES`] it is sharded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardBy {
    /// The bytes of the names and CIDs of its entries. Names count in UTF-8, as for kubo.
    LinkBytes,
    /// The bytes of the block that it would be in one piece.
    BlockBytes,
}

impl Layout {
    /// A directory that counts more than this is spread over shards. At exactly this it is not, in the javascript
    /// importer and in kubo since 0.40; kubo before that spread it as well.
    pub const SHARD_ABOVE_BYTES: usize = 256 << 10;
}

impl Profile {
    /// All of them, in the order in which people are likely to have used them.
    pub const ALL: [Self; 3] = [Self::KuboCidV1, Self::UnixfsV02015, Self::UnixfsV12025];

    /// The layout of the profile.
    pub fn layout(self) -> Layout {
        let v1 = Layout {
            cid_version: Version::V1,
            chunk_bytes: 256 << 10,
            links_per_node: 174,
            raw_leaves: true,
            shard_by: ShardBy::LinkBytes,
        };
        match self {
            Self::UnixfsV02015 => Layout { cid_version: Version::V0, raw_leaves: false, ..v1 },
            Self::KuboCidV1 => v1,
            Self::UnixfsV12025 => {
                Layout { chunk_bytes: 1 << 20, links_per_node: 1024, shard_by: ShardBy::BlockBytes, ..v1 }
            }
        }
    }

    /// The name under which it is recorded.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnixfsV02015 => "unixfs-v0-2015",
            Self::KuboCidV1 => "kubo-cidv1",
            Self::UnixfsV12025 => "unixfs-v1-2025",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An unknown name of a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a profile; write kubo-cidv1, unixfs-v0-2015 or unixfs-v1-2025")]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let known = Self::ALL.into_iter().find(|profile| profile.name() == name);
        known.ok_or_else(|| UnknownProfile(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_others_are_refused() {
        for profile in Profile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
            let error = "unixfs-v9".parse::<Profile>().unwrap_err().to_string();
            assert!(error.contains(profile.name()), "{error}");
        }
    }
}
