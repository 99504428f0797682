//! State of a deal, sufficient to continue after a crash. Plain data: `machine` decides steps, back ends perform them.

use std::fmt;
use std::str::FromStr;

use bacalhau_tree::Link;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use super::{Address, Piece};

/// State of a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageDeal {
    /// Deal id, fixed before any request. The market knows the deal by it, and the chain node uses it to detect a
    /// repeated allocation message.
    pub id: DealId,
    /// The data to store.
    pub piece: Piece,
    /// The terms.
    pub terms: StorageTerms,
    /// Progress.
    pub stage: Stage,
    /// URL at which the provider fetches the archive. `None`: it is uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Use of `DataCap`, for a verified deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<Allocation>,
    /// Last state at the market.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<MarketState>,
    /// The provider's claim on the chain, for a verified deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<SectorClaim>,
}

/// Terms of a deal. Later changes of the configuration do not affect them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageTerms {
    /// URL of the provider's market, up to before `/market/mk20`.
    pub market: String,
    /// The provider: `f0…`.
    pub provider: Address,
    /// The client's wallet, an address with a key.
    pub wallet: Address,
    /// Duration in epochs of 30 seconds.
    pub duration_epochs: u64,
    /// Whether it uses `DataCap`.
    pub verified: bool,
    /// Maximum fee of the allocation message in nanoFIL.
    pub max_fee_nanofil: u64,
    /// Whether the provider indexes the blocks for retrieval by CID.
    pub indexing: bool,
    /// Whether the provider announces them to the network indexer.
    pub announce: bool,
}

/// Progress of a deal, which determines the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The archive and its commitment exist. Next: check of provider and wallet on the chain.
    Prepared,
    /// The check passed. Next: the allocation message, or the proposal.
    Checked,
    /// The allocation message was sent. Next: its result.
    Allocating,
    /// The allocation is on the chain. Next: the proposal.
    Allocated,
    /// The market has accepted the proposal. Next: the data.
    Accepted,
    /// The provider has the data. Next: sealing.
    HandedOver,
    /// The market reports completion. Next, for a verified deal: the claim.
    Complete,
    /// Successful end.
    Stored,
    /// Failed end. The last step has the reason.
    Failed,
}

/// Maximum term of a verified piece beyond its duration, in epochs: 90 days, as the market actor allows
/// (`MARKET_DEFAULT_ALLOCATION_TERM_BUFFER` of the built-in actors). Without it, only sectors that end in one exact
/// epoch would fit.
const TERM_BUFFER_EPOCHS: u64 = 90 * 2880;

impl StorageTerms {
    /// Maximum term of the piece in epochs. Markets accept only allocations that are no longer than the proposal's
    /// duration.
    pub fn longest_epochs(&self) -> u64 {
        if self.verified { self.duration_epochs.saturating_add(TERM_BUFFER_EPOCHS) } else { self.duration_epochs }
    }
}

/// Use of `DataCap`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// CID of the allocation message, unless it was on the chain before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Link>,
    /// Allocation id, once the message is on the chain.
    pub id: Option<u64>,
}

/// A provider's claim: the piece is in an active sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectorClaim {
    /// Sector number.
    pub sector: u64,
    /// First epoch.
    pub term_start: i64,
}

/// State of a deal at a market 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarketState {
    /// Accepted and waiting.
    Accepted,
    /// Waiting for the upload.
    Uploading,
    /// Fetching data, or waiting for a sector.
    Processing,
    /// Its sector is being sealed.
    Sealing,
    /// Sealed, and being indexed.
    Indexing,
    /// Complete.
    Complete,
    /// Failed.
    Failed,
}

impl StorageDeal {
    /// Whether the archive and this node are still needed, because the provider does not have the data yet.
    pub fn needs_us(&self) -> bool {
        self.stage < Stage::HandedOver
    }
}

/// Id of a deal: a ULID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DealId(Ulid);

impl DealId {
    /// A new id at `now_ms`, in Unix milliseconds.
    ///
    /// # Errors
    /// When the system has no random number source.
    pub fn new(now_ms: u64) -> Result<Self, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(Self(Ulid::from_parts(now_ms, u128::from_le_bytes(random))))
    }

    /// Creation time in Unix milliseconds.
    pub fn made_ms(&self) -> u64 {
        self.0.timestamp_ms()
    }

    /// All of it.
    pub fn number(&self) -> u128 {
        u128::from_be_bytes(self.0.to_bytes())
    }

    /// The random part.
    pub fn random(&self) -> u128 {
        self.0.random()
    }

    /// As a UUID, by which the chain node detects a repeated message.
    pub fn uuid(&self) -> String {
        let hex = format!("{:032x}", self.number());
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
