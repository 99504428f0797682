//! What is asked of the chain: the methods of Lotus that deals need, with the types of their parameters and results as in
//! its `OpenRPC` document. Big numbers are strings there, CIDs are objects, and an empty tipset key is the head of the chain.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::Address;
use super::rpc::{Rpc, RpcError};
use crate::cas::Cid;

/// The head of the chain.
const HEAD: [JsonCid; 0] = [];

/// A CID as JSON has it in IPLD: `{"/": "…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JsonCid(pub(super) Cid);

/// The current tipset.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TipSet {
    pub(super) height: i64,
    pub(super) blocks: Vec<BlockHeader>,
}

/// One block of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BlockHeader {
    /// In Unix seconds.
    pub(super) timestamp: u64,
}

/// A storage provider.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MinerInfo {
    pub(super) peer_id: Option<String>,
    /// The actor of the key that signs for it from day to day.
    pub(super) worker: Address,
    /// In bytes.
    pub(super) sector_size: u64,
}

/// What a provider puts up for a deal of the market actor, in attoFIL.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CollateralBounds {
    pub(super) min: Big,
}

/// What an address has with the market actor, in attoFIL.
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
pub(super) struct Claim {
    pub(super) client: u64,
    pub(super) data: JsonCid,
    pub(super) size: u64,
    pub(super) term_start: i64,
    pub(super) sector: u64,
}

/// A message as it is to be sent. Lotus sets what is zero, but the value.
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
    /// In base 64.
    pub(super) params: String,
}

/// How it is to be sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendSpec {
    /// In attoFIL.
    pub(super) max_fee: String,
    /// A message that was sent with this before is given back, and is not sent again.
    pub(super) msg_uuid: String,
    pub(super) maximize_fee_cap: bool,
}

#[derive(Debug, Deserialize)]
struct SignedMessage {
    #[serde(rename = "CID")]
    cid: JsonCid,
}

/// What became of a message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MsgLookup {
    pub(super) receipt: Receipt,
    /// The epoch of the tipset in which it was carried out.
    pub(super) height: i64,
}

/// What it came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Receipt {
    pub(super) exit_code: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signature {
    r#type: u8,
    /// In base 64.
    data: String,
}

/// A number that JSON has as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Big(pub(super) u128);

impl Rpc {
    /// The head of the chain.
    pub(super) fn chain_head(&self) -> Result<TipSet, RpcError> {
        self.call("ChainHead", &[(); 0])
    }

    /// The name of the network.
    pub(super) fn network_name(&self) -> Result<String, RpcError> {
        self.call("StateNetworkName", &[(); 0])
    }

    /// What is known of a provider.
    pub(super) fn miner_info(&self, provider: &Address) -> Result<MinerInfo, RpcError> {
        self.call("StateMinerInfo", &(provider, HEAD))
    }

    /// The number of an actor; nothing, where the chain does not know it.
    pub(super) fn lookup_id(&self, address: &Address) -> Result<Option<Address>, RpcError> {
        match self.call("StateLookupID", &(address, HEAD)) {
            Err(error) if error.is_no_actor() => Ok(None),
            id => id.map(Some),
        }
    }

    /// The address of the key that signs for an account.
    pub(super) fn account_key(&self, address: &Address) -> Result<Address, RpcError> {
        self.call("StateAccountKey", &(address, HEAD))
    }

    /// Bytes of `DataCap` that an address has; nothing, where it is no verified client.
    pub(super) fn datacap(&self, client: &Address) -> Result<Option<Big>, RpcError> {
        self.call("StateVerifiedClientStatus", &(client, HEAD))
    }

    /// What a deal of this padded size takes of a provider.
    pub(super) fn collateral_bounds(&self, size: u64, verified: bool) -> Result<CollateralBounds, RpcError> {
        self.call("StateDealProviderCollateralBounds", &(size, verified, HEAD))
    }

    /// What an address has with the market actor.
    pub(super) fn market_balance(&self, address: &Address) -> Result<MarketBalance, RpcError> {
        self.call("StateMarketBalance", &(address, HEAD))
    }

    /// The allocations of a client by their numbers, which are strings as keys.
    pub(super) fn allocations(&self, client: &Address) -> Result<BTreeMap<String, Allocation>, RpcError> {
        let allocations: Option<_> = self.call("StateGetAllocations", &(client, HEAD))?;
        Ok(allocations.unwrap_or_default())
    }

    /// One of them; nothing, where there is none of this number any more.
    pub(super) fn allocation(&self, client: &Address, id: u64) -> Result<Option<Allocation>, RpcError> {
        self.call("StateGetAllocation", &(client, id, HEAD))
    }

    /// The claim of a provider by its number, which is that of the allocation.
    pub(super) fn claim(&self, provider: &Address, id: u64) -> Result<Option<Claim>, RpcError> {
        self.call("StateGetClaim", &(provider, id, HEAD))
    }

    /// Signs a message and sends it, and gives its CID.
    pub(super) fn push(&self, message: &Message<'_>, spec: &SendSpec) -> Result<Cid, RpcError> {
        self.call("MpoolPushMessage", &(message, spec)).map(|SignedMessage { cid }| cid.0)
    }

    /// What became of a message, or of one that replaced it, in the last `epochs`; nothing, where it is not on the chain.
    pub(super) fn search(&self, message: &Cid, epochs: i64) -> Result<Option<MsgLookup>, RpcError> {
        self.call("StateSearchMsg", &(HEAD, JsonCid(*message), epochs, true))
    }

    /// The signature of `bytes` by the key of `wallet`: its kind, and its bytes.
    pub(super) fn sign(&self, wallet: &Address, bytes: &[u8]) -> Result<(u8, Vec<u8>), RpcError> {
        let Signature { r#type, data } = self.call("WalletSign", &(wallet, BASE64_STANDARD.encode(bytes)))?;
        // What is no base 64 has no length of a signature either.
        Ok((r#type, BASE64_STANDARD.decode(data).unwrap_or_default()))
    }

    /// Whether the key of `wallet` has signed `bytes`, so that its signature of this kind is `signature`.
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
