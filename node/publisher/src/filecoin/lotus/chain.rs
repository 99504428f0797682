//! The methods of Lotus that deals need, with parameter and result types as in its `OpenRPC` document. Big numbers are
//! strings, CIDs are objects, and an empty tipset key is the head of the chain.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::Address;
use super::rpc::{Rpc, RpcError};
use bacalhau_cas::Cid;

/// The head of the chain.
const HEAD: [JsonCid; 0] = [];

/// A CID in IPLD JSON: `{"/": "…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JsonCid(pub(super) Cid);

/// The current tipset.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TipSet {
    pub(super) height: i64,
    pub(super) blocks: Vec<BlockHeader>,
}

/// A block of a tipset.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BlockHeader {
    /// Time in Unix seconds.
    pub(super) timestamp: u64,
}

/// A storage provider.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MinerInfo {
    pub(super) peer_id: Option<String>,
    /// The actor of the worker key.
    pub(super) worker: Address,
    /// Sector size in bytes.
    pub(super) sector_size: u64,
}

/// Collateral of a provider for a deal of the market actor, in attoFIL.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CollateralBounds {
    pub(super) min: Big,
}

/// Balance of an address in the market actor, in attoFIL.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MarketBalance {
    pub(super) escrow: Big,
    pub(super) locked: Big,
}

/// `DataCap` that a provider may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Allocation {
    pub(super) client: u64,
    pub(super) provider: u64,
    pub(super) data: JsonCid,
    pub(super) size: u64,
    pub(super) term_min: i64,
    pub(super) term_max: i64,
    pub(super) expiration: i64,
}

/// `DataCap` that a provider has claimed, with a piece in an active sector.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChainClaim {
    pub(super) client: u64,
    pub(super) data: JsonCid,
    pub(super) size: u64,
    pub(super) term_start: i64,
    pub(super) sector: u64,
}

/// A message to send. Lotus fills in zero fields except the value.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Message<'a> {
    pub(super) version: u64,
    pub(super) to: &'a str,
    pub(super) from: &'a Address,
    pub(super) nonce: u64,
    pub(super) value: &'a str,
    pub(super) gas_limit: i64,
    pub(super) gas_fee_cap: &'a str,
    pub(super) gas_premium: &'a str,
    pub(super) method: u64,
    /// Base64.
    pub(super) params: String,
}

/// Send options.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendSpec {
    /// Maximum fee in attoFIL.
    pub(super) max_fee: String,
    /// A repeated message with this id is returned, and not sent again.
    pub(super) msg_uuid: String,
    pub(super) maximize_fee_cap: bool,
}

#[derive(Debug, Deserialize)]
struct SignedMessage {
    #[serde(rename = "CID")]
    cid: JsonCid,
}

/// Result of a message lookup.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MsgLookup {
    pub(super) receipt: Receipt,
    /// Epoch of the tipset in which it was executed.
    pub(super) height: i64,
}

/// Result of the execution.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Receipt {
    pub(super) exit_code: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signature {
    r#type: u8,
    /// Base64.
    data: String,
}

/// A number that is a string in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Big(pub(super) u128);

impl Rpc {
    /// The head of the chain.
    pub(super) fn chain_head(&self) -> Result<TipSet, RpcError> {
        self.call("ChainHead", &[(); 0])
    }

    /// Name of the network.
    pub(super) fn network_name(&self) -> Result<String, RpcError> {
        self.call("StateNetworkName", &[(); 0])
    }

    /// Version of the network, which determines its rules.
    pub(super) fn network_version(&self) -> Result<u32, RpcError> {
        self.call("StateNetworkVersion", &(HEAD,))
    }

    /// Facts about a provider.
    pub(super) fn miner_info(&self, provider: &Address) -> Result<MinerInfo, RpcError> {
        self.call("StateMinerInfo", &(provider, HEAD))
    }

    /// Id of an actor; `None` when it is not on the chain.
    pub(super) fn lookup_id(&self, address: &Address) -> Result<Option<Address>, RpcError> {
        match self.call("StateLookupID", &(address, HEAD)) {
            Err(error) if error.is_no_actor() => Ok(None),
            id => id.map(Some),
        }
    }

    /// Address of an account's key.
    pub(super) fn account_key(&self, address: &Address) -> Result<Address, RpcError> {
        self.call("StateAccountKey", &(address, HEAD))
    }

    /// Bytes of `DataCap` of an address; `None` when it is not a verified client.
    pub(super) fn datacap(&self, client: &Address) -> Result<Option<Big>, RpcError> {
        self.call("StateVerifiedClientStatus", &(client, HEAD))
    }

    /// Collateral of a provider for a deal of this padded size.
    pub(super) fn collateral_bounds(&self, size: u64, verified: bool) -> Result<CollateralBounds, RpcError> {
        self.call("StateDealProviderCollateralBounds", &(size, verified, HEAD))
    }

    /// Balance of an address in the market actor.
    pub(super) fn market_balance(&self, address: &Address) -> Result<MarketBalance, RpcError> {
        self.call("StateMarketBalance", &(address, HEAD))
    }

    /// Allocations of a client by id, which is a string key.
    pub(super) fn allocations(&self, client: &Address) -> Result<BTreeMap<String, Allocation>, RpcError> {
        let allocations: Option<_> = self.call("StateGetAllocations", &(client, HEAD))?;
        Ok(allocations.unwrap_or_default())
    }

    /// An allocation; `None` when it does not exist any more.
    pub(super) fn allocation(&self, client: &Address, id: u64) -> Result<Option<Allocation>, RpcError> {
        self.call("StateGetAllocation", &(client, id, HEAD))
    }

    /// Claim of a provider by its id, which equals that of the allocation.
    pub(super) fn claim(&self, provider: &Address, id: u64) -> Result<Option<ChainClaim>, RpcError> {
        self.call("StateGetClaim", &(provider, id, HEAD))
    }

    /// Signs and sends a message, and returns its CID.
    pub(super) fn push(&self, message: &Message<'_>, spec: &SendSpec) -> Result<Cid, RpcError> {
        self.call("MpoolPushMessage", &(message, spec)).map(|SignedMessage { cid }| cid.0)
    }

    /// Result of a message, or of its replacement, in the last `epochs`; `None` when it is not on the chain.
    pub(super) fn search(&self, message: &Cid, epochs: i64) -> Result<Option<MsgLookup>, RpcError> {
        self.call("StateSearchMsg", &(HEAD, JsonCid(*message), epochs, true))
    }

    /// Signature of `bytes` by the key of `wallet`: kind and bytes.
    pub(super) fn sign(&self, wallet: &Address, bytes: &[u8]) -> Result<(u8, Vec<u8>), RpcError> {
        let Signature { r#type, data } = self.call("WalletSign", &(wallet, BASE64_STANDARD.encode(bytes)))?;
        // Invalid base64 fails the length check.
        Ok((r#type, BASE64_STANDARD.decode(data).unwrap_or_default()))
    }

    /// Whether `signature` of this kind is that of `bytes` by the key of `wallet`.
    pub(super) fn verify(&self, wallet: &Address, bytes: &[u8], kind: u8, signature: &[u8]) -> Result<bool, RpcError> {
        let signature = Signature { r#type: kind, data: BASE64_STANDARD.encode(signature) };
        self.call("WalletVerify", &(wallet, BASE64_STANDARD.encode(bytes), signature))
    }
}

impl Serialize for JsonCid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("/", self.0.to_string())])
    }
}

impl<'de> Deserialize<'de> for JsonCid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Slash {
            #[serde(rename = "/")]
            cid: String,
        }
        let Slash { cid } = Slash::deserialize(deserializer)?;
        cid.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Big {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}
