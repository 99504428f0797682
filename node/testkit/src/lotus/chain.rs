//! The chain of the fake: actors, `DataCap`, messages, allocations and claims, by the rules of the built-in actors. An epoch
//! passes when a test says so.

use std::collections::BTreeMap;

use bacalhau_cas::Cid;
use multihash::Multihash;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cbor::{self, Value as Cbor};

/// When the main network began, in Unix seconds.
const GENESIS: u64 = 1_598_306_400;
/// Epochs of a day.
pub const DAY: i64 = 2880;
/// The address of the first wallet, with a key of secp256k1.
pub const WALLET: &str = "f15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq";
/// Its actor.
pub const WALLET_ID: u64 = 1001;
/// The address of the second wallet, with a BLS key.
pub const BLS_WALLET: &str = "f3vvmn62lofvhjd2ugzca6sof2j2ubwok6cj4xxbfzz4yuxfkgobpihhd2thlanmsh3w2ptld2gqkn2jvlss4a";
/// Its actor.
pub const BLS_WALLET_ID: u64 = 1002;
/// With sectors of 32 GiB.
pub const PROVIDER: &str = "f01000";
/// Its actor.
pub const PROVIDER_ID: u64 = 1000;

/// All that is on it, and the messages that wait.
pub struct Chain {
    /// The name of the network.
    pub network: &'static str,
    /// The version of the network.
    pub network_version: u32,
    /// The epoch of the head.
    pub epoch: i64,
    /// The sector size of the storage provider, in bytes.
    pub sector_size: u64,
    /// The peer id of the storage provider.
    pub peer: String,
    /// Bytes of clients, by their numbers.
    pub datacap: BTreeMap<u64, u128>,
    /// Balances of the wallets in attoFIL.
    pub balance: u128,
    /// Messages, the oldest first.
    pub messages: Vec<Message>,
    /// Whether messages are taken up.
    pub full: bool,
    /// Allocations that no provider has claimed, by their numbers.
    pub allocations: BTreeMap<u64, Allocation>,
    /// Claims with the epoch in which they began and their sector, by the numbers of their allocations.
    pub claims: BTreeMap<u64, (Allocation, i64, u64)>,
    next_allocation: u64,
    /// The address of the first wallet.
    pub wallet: String,
    /// Its key, where signatures are to be true ones.
    pub key: Option<Signer>,
}

/// The signer.
pub type Signer = Box<dyn Fn(&[u8]) -> Vec<u8> + Send>;

/// A message that was sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// The CID of the signed message.
    pub cid: Cid,
    /// Its name in Lotus; `None` once Lotus has forgotten it.
    pub uuid: Option<String>,
    /// The highest fee that its sender allows, in attoFIL.
    pub max_fee: u128,
    request: Allocation,
    /// Epoch and exit code, once it is on the chain.
    pub done: Option<(i64, i64)>,
}

/// The registry of verified clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The actor of the client.
    pub client: u64,
    /// The actor of the storage provider.
    pub provider: u64,
    /// The piece.
    pub data: Cid,
    /// The padded size of the piece, in bytes.
    pub size: u64,
    /// The shortest time for which it is stored, in epochs.
    pub term_min: i64,
    /// The longest time for which it is stored, in epochs.
    pub term_max: i64,
    /// The last epoch in which it can be claimed.
    pub expiration: i64,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Chain {
    /// A chain with two wallets, one storage provider and no messages.
    pub fn new() -> Self {
        Self {
            network: "mainnet",
            network_version: 28,
            epoch: 5_000_000,
            sector_size: 32 << 30,
            peer: "12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf".into(),
            datacap: [(WALLET_ID, 1 << 40), (BLS_WALLET_ID, 1 << 40)].into(),
            balance: 10_u128.pow(18),
            messages: Vec::new(),
            full: false,
            allocations: BTreeMap::new(),
            claims: BTreeMap::new(),
            next_allocation: 70,
            wallet: WALLET.into(),
            key: None,
        }
    }

    /// The time of its head, in Unix seconds.
    pub fn time(&self) -> u64 {
        GENESIS + self.epoch.unsigned_abs() * 30
    }

    /// The number of an actor.
    pub fn id_of(&self, address: &str) -> Option<u64> {
        match address {
            _ if address == self.wallet => Some(WALLET_ID),
            BLS_WALLET => Some(BLS_WALLET_ID),
            _ => address.strip_prefix("f0")?.parse().ok().filter(|id| (1000..=1003).contains(id)),
        }
    }

    /// Lets epochs pass, in the first of which what waits is carried out.
    pub fn pass(&mut self, epochs: i64) {
        for at in 0..self.messages.len() {
            let Message { request, done, .. } = self.messages[at].clone();
            if done.is_none() && !self.full {
                let code = self.carry_out(&request).err().unwrap_or(0);
                self.messages[at].done = Some((self.epoch + 1, code));
            }
        }
        self.epoch += epochs;
    }

    fn carry_out(&mut self, request: &Allocation) -> Result<(), i64> {
        self.would_take(request, self.epoch + 1)?;
        *self.datacap.get_mut(&request.client).ok_or(19)? -= u128::from(request.size);
        self.allocations.insert(self.next_allocation, request.clone());
        self.next_allocation += 1;
        Ok(())
    }

    /// The checks of the registry, by `validate_new_allocation` of the actor `verifreg`.
    fn would_take(&self, request: &Allocation, epoch: i64) -> Result<(), i64> {
        let left = self.datacap.get(&request.client).copied().unwrap_or_default();
        let sound = request.size >= 1 << 20
            && request.term_min >= 180 * DAY
            && request.term_max <= 5 * 365 * DAY
            && request.term_min <= request.term_max
            && request.expiration >= epoch
            && request.expiration <= epoch + 60 * DAY
            && request.provider == PROVIDER_ID;
        if left < u128::from(request.size) {
            return Err(19);
        }
        if sound { Ok(()) } else { Err(16) }
    }

    /// Pushes a message as Lotus does: returns the earlier one of the same name.
    pub fn push(&mut self, from: &str, params: &[u8], uuid: &str, max_fee: u128) -> Result<Cid, String> {
        if let Some(known) = self.messages.iter().find(|message| message.uuid.as_deref() == Some(uuid)) {
            return Ok(known.cid);
        }
        let client =
            self.id_of(from).ok_or_else(|| format!("getting key address: resolution lookup failed ({from})"))?;
        let request = transfer(params, client).map_err(|why| format!("GasEstimateMessageGas error: {why}"))?;
        if let Err(code) = self.would_take(&request, self.epoch) {
            let text = "GasEstimateMessageGas error: estimating gas used: message execution failed";
            return Err(format!("{text} (exit=[{code}], revert reason=[none], vm error=[])"));
        }
        let fee = max_fee.min(10_u128.pow(16));
        if self.balance < fee {
            return Err(format!("mpool push: not enough funds: {} < {fee}", self.balance));
        }
        let digest = Sha256::digest([params, uuid.as_bytes(), &self.messages.len().to_le_bytes()].concat());
        let cid = Cid::new_v1(0x71, Multihash::wrap(0xb220, &digest).unwrap());
        self.messages.push(Message { cid, uuid: Some(uuid.into()), max_fee, request, done: None });
        Ok(cid)
    }

    /// The provider seals the piece of an allocation.
    pub fn claim(&mut self, id: u64, sector: u64) {
        let allocation = self.allocations.remove(&id).unwrap();
        self.claims.insert(id, (allocation, self.epoch, sector));
    }
}

impl Allocation {
    /// The form in which Lotus' API has it.
    pub fn json(&self) -> Value {
        json!({
            "Client": self.client, "Provider": self.provider, "Data": {"/": self.data.to_string()}, "Size": self.size,
            "TermMin": self.term_min, "TermMax": self.term_max, "Expiration": self.expiration,
        })
    }
}

/// The allocation that a transfer of `DataCap` to the registry requests.
fn transfer(params: &[u8], client: u64) -> Result<Allocation, String> {
    let params = cbor::decode(params)?;
    let [to, amount, data] = params.tuple()?;
    if to.bytes()? != [0, 6] {
        return Err("the registry is f06".into());
    }
    let data = cbor::decode(data.bytes()?)?;
    let [allocations, extensions] = data.tuple()?;
    let ([allocation], []) = (allocations.tuple()?, extensions.tuple()?);
    let [provider, data, size, term_min, term_max, expiration] = allocation.tuple()?;
    let epoch = |value: &Cbor| Ok::<_, String>(i64::try_from(value.number()?).unwrap());
    let size = size.number()?;
    let mut expected = (u128::from(size) * 10_u128.pow(18)).to_be_bytes().to_vec();
    expected.drain(..expected.iter().take_while(|byte| **byte == 0).count());
    if amount.bytes()? != [&[0], &expected[..]].concat() {
        return Err("the amount is not the size".into());
    }
    let (provider, data) = (provider.number()?, data.cid()?);
    let (term_min, term_max, expiration) = (epoch(term_min)?, epoch(term_max)?, epoch(expiration)?);
    Ok(Allocation { client, provider, data, size, term_min, term_max, expiration })
}
