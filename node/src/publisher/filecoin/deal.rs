//! What is known of a deal: enough to go on with the same one after a crash, whatever was under way. It is plain data; what
//! comes next is decided in `machine`, and done by the back ends.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use bacalhau_runtime::Link;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use super::Address;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deal {
    /// Its name, fixed before anybody is asked anything. The market knows the deal by it, and the chain's node knows by it
    /// that it has sent the allocation's message already.
    pub id: DealId,
    /// What is to be stored.
    pub piece: Piece,
    /// On what terms.
    pub terms: Terms,
    /// How far it has come.
    pub stage: Stage,
    /// Where the provider fetches the archive. Without, it is uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The use of `DataCap` for it, where it is a verified deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<Allocation>,
    /// What the market said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<MarketState>,
    /// The claim of the provider on the chain, where it is a verified deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

/// What is to be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// The archive of the results.
    pub car: PathBuf,
    /// Its length in bytes.
    pub car_bytes: u64,
    /// The CID of the results directory in it.
    pub root: Link,
    /// The piece commitment as the chain has it: `baga…`.
    pub v1: Link,
    /// The same with the length of the data in it, as markets have it: `bafkzci…`.
    pub v2: Link,
    /// What it takes of a sector, in bytes: a power of two.
    pub padded_bytes: u64,
}

/// On what terms a deal is made. What the configuration says later does not change them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The provider's market: its URL, up to before `/market/mk20`.
    pub market: String,
    /// The provider: `f0…`.
    pub provider: Address,
    /// Who asks for it: an address that has a key.
    pub wallet: Address,
    /// For how long, in epochs of 30 seconds.
    pub duration_epochs: u64,
    /// Whether it takes `DataCap`.
    pub verified: bool,
    /// What the message of the allocation may cost at most, in nanoFIL.
    pub max_fee_nanofil: u64,
    /// Whether the provider is to index the blocks, so that they can be had by CID.
    pub indexing: bool,
    /// Whether it is to tell the network indexer of them.
    pub announce: bool,
}

/// How far a deal has come: which step comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The archive and its commitment are here. Next: what the chain knows of provider and wallet.
    Prepared,
    /// The chain has nothing against it. Next: the message of the allocation, or the proposal.
    Checked,
    /// The message of the allocation is sent. Next: what has become of it.
    Allocating,
    /// The allocation is on the chain. Next: the proposal.
    Allocated,
    /// The market has taken the proposal. Next: that it has the data.
    Accepted,
    /// The provider has the data. Next: that it is sealed.
    HandedOver,
    /// The market says that it is done. Next, for a verified deal: the claim.
    Complete,
    /// It has come to its end.
    Stored,
    /// It has come to an end, and nothing is stored. The last step says why.
    Failed,
}

/// What a verified piece may be kept for above its duration, in epochs: 90 days, as the market actor allows
/// (`MARKET_DEFAULT_ALLOCATION_TERM_BUFFER` of the built-in actors). Without it, only a sector that ends in one certain
/// epoch would fit.
const TERM_BUFFER_EPOCHS: u64 = 90 * 2880;

impl Terms {
    /// For how long the piece may be kept at most, in epochs. Markets take only allocations that are for no longer than
    /// the duration of the proposal.
    pub fn longest_epochs(&self) -> u64 {
        if self.verified { self.duration_epochs.saturating_add(TERM_BUFFER_EPOCHS) } else { self.duration_epochs }
    }
}

/// The use of `DataCap`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// The CID of the message that asks for it, unless it was on the chain before we had that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Link>,
    /// Its number, once the message is on the chain.
    pub id: Option<u64>,
}

/// A provider's claim: the piece is in an active sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The number of the sector.
    pub sector: u64,
    /// The epoch in which it began.
    pub term_start: i64,
}

/// What a market says of a deal: the states of market 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarketState {
    /// It is taken, and waits.
    Accepted,
    /// It waits for the data.
    Uploading,
    /// The data is fetched, or waits for a sector.
    Processing,
    /// It is in a sector that is being sealed.
    Sealing,
    /// It is sealed, and being indexed.
    Indexing,
    /// It is done.
    Complete,
    /// Nothing comes of it.
    Failed,
}

impl Deal {
    /// Whether its archive has to be kept, and this node to be reached: the provider has not got the data yet.
    pub fn needs_us(&self) -> bool {
        self.stage < Stage::HandedOver
    }
}

/// The name of a deal: a ULID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DealId(Ulid);

impl DealId {
    /// A name for what begins at `now_ms`, in Unix milliseconds.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(now_ms: u64) -> Result<Self, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(Self(Ulid::from_parts(now_ms, u128::from_le_bytes(random))))
    }

    /// When it was made, in Unix milliseconds.
    pub fn made_ms(&self) -> u64 {
        self.0.timestamp_ms()
    }

    /// Its random part.
    pub fn random(&self) -> u128 {
        self.0.random()
    }

    /// Its bits in the form of a UUID, by which a node of the chain knows a message that it has sent before.
    pub fn uuid(&self) -> String {
        let hex = format!("{:032x}", u128::from_be_bytes(self.0.to_bytes()));
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

impl fmt::Display for DealId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_string())
    }
}

impl fmt::Debug for DealId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DealId({self})")
    }
}

impl FromStr for DealId {
    type Err = ulid::DecodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ulid::from_string(text).map(Self)
    }
}

impl Serialize for DealId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DealId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
