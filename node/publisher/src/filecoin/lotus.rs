//! Client of a Lotus node by JSON-RPC: checks of provider, wallet and piece, the `DataCap` allocation of a verified
//! deal, and the provider's claim. The node also signs for the wallet, whose key never leaves it. Written by Lotus'
//! `OpenRPC` document and the sources of Lotus and the built-in actors.
//!
//! An allocation is requested once, also after crashes: its message has the deal's id, by which Lotus detects a
//! repetition; and its parameters follow from the deal, so that an allocation on the chain is distinguishable from
//! those of other deals, also of the same piece.

mod chain;
mod rpc;
mod transfer;

use std::fmt;
use std::time::Duration;

use bacalhau_tree::Link;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use url::Url;

use self::chain::{Allocation, JsonCid, Message, SendSpec};
use self::rpc::{Rpc, RpcError};
use self::transfer::Request;
use super::{Address, AddressKind, Backend, BackendError, Miner, Observation, SectorClaim, Stage, StorageDeal, Wallet};
use bacalhau_values::{Secret, Size};

/// Idle timeout of a node.
const PATIENCE: Duration = Duration::from_secs(30);
/// Seconds of an epoch.
const EPOCH_SECONDS: u64 = 30;
/// Epochs of a day.
const DAY: i64 = 2880;
/// Maximum age of the head in seconds. An older one means that the node is behind.
const OLDEST_HEAD_SECONDS: u64 = 10 * 60;
/// Epochs until a message is final, as in Lotus (`MessageConfidence`).
const CONFIDENCE: i64 = 5;
/// Limits of an allocation by the verified registry (`verifreg` of the built-in actors): minimum piece size, minimum
/// and maximum term, and maximum time until the claim, minus one day for clock differences.
const LEAST_PIECE_BYTES: u64 = 1 << 20;
const SHORTEST_TERM: i64 = 180 * DAY;
const LONGEST_TERM: i64 = 5 * 365 * DAY;
const LONGEST_WAIT: i64 = 59 * DAY;
/// Range of epochs by which expirations differ between deals, so that their allocations differ.
const SPREAD: u128 = 20 * 2880;
/// First network version without allocations of `DataCap` (FIP-0118).
const NO_ALLOCATIONS: u32 = 29;
/// Minimum remaining epochs for sealing; with less, an allocation is not requested.
const LEAST_LEFT: i64 = 7 * DAY;
const ATTO_PER_NANO: u128 = 1_000_000_000;

/// A Lotus node.
pub struct Lotus {
    rpc: Rpc,
}

/// Head of the chain.
#[derive(Clone, Copy, Debug)]
struct Head {
    epoch: i64,
    /// Time in Unix seconds.
    time: u64,
}

impl Lotus {
    /// The node with JSON-RPC at `url`, as in `http://127.0.0.1:1234/rpc/v1`. The token needs the permission to sign.
    pub fn new(url: Url, token: Option<Secret>) -> Self {
        Self::with_patience(url, token, PATIENCE)
    }

    /// The same with the idle timeout `patience`.
    pub fn with_patience(url: Url, token: Option<Secret>, patience: Duration) -> Self {
        Self { rpc: Rpc::new(url, token, patience) }
    }

    /// Facts about a storage provider.
    ///
    /// # Errors
    /// When it is not one, or the node does not answer.
    pub fn miner(&self, miner: &Address) -> Result<Miner, BackendError> {
        let info = self.rpc.miner_info(miner)?;
        Ok(Miner { peer: info.peer_id.filter(|peer| !peer.is_empty()), worker: info.worker })
    }

    /// Whether the key of the account `worker` has signed `message`. The first byte of `signature` is the kind of the
    /// key.
    ///
    /// # Errors
    /// When the node does not answer.
    pub fn key_signed(&self, worker: &Address, message: &[u8], signature: &[u8]) -> Result<bool, BackendError> {
        let Some((kind, signature)) = signature.split_first() else { return Ok(false) };
        let key = self.rpc.account_key(worker)?;
        Ok(self.rpc.verify(&key, message, *kind, signature)?)
    }

    /// The head, which must be close to `now_ms`.
    fn head(&self, now_ms: u64) -> Result<Head, BackendError> {
        let tipset = self.rpc.chain_head()?;
        let name = self.rpc.name();
        let block = tipset
            .blocks
            .first()
            .ok_or_else(|| BackendError::later(format!("{name} reports a head without blocks")))?;
        let head = Head { epoch: tipset.height, time: block.timestamp };
        let age = (now_ms / 1000).saturating_sub(head.time);
        if age > OLDEST_HEAD_SECONDS {
            let why = format!("{name} is {} minutes behind the chain, at epoch {}", age / 60, head.epoch);
            return Err(BackendError::later(why));
        }
        Ok(head)
    }

    /// Checks provider and wallet on the chain against the deal.
    fn check(&self, deal: &StorageDeal, now_ms: u64) -> Result<Observation, BackendError> {
        let (terms, size) = (&deal.terms, deal.piece.padded_bytes);
        let head = self.head(now_ms)?;
        let network = self.rpc.network_name()?;
        for (key, address) in [("provider", &terms.provider), ("wallet", &terms.wallet)] {
            if network == "mainnet" && address.to_string().starts_with('t') {
                let why = format!("{address} is of a test network, and {} is on {network}", self.rpc.name());
                return Err(BackendError::never(why, format!("set filecoin.{key} to an address that begins with f")));
            }
        }
        if terms.verified {
            self.check_version(&network)?;
        }
        let seals = self.check_provider(&terms.provider, size)?;
        self.check_key(&terms.wallet)?;
        let wallet = if terms.verified {
            check_terms(deal)?;
            self.check_datacap(&terms.wallet, size)?
        } else {
            self.describe_wallet(&terms.wallet, size)?
        };
        Ok(Observation::Checked(format!("{network} is at epoch {}: {seals}; {wallet}", head.epoch)))
    }

    /// Checks that the network still has allocations.
    fn check_version(&self, network: &str) -> Result<(), BackendError> {
        let version = self.rpc.network_version()?;
        if version < NO_ALLOCATIONS {
            return Ok(());
        }
        let why = format!(
            "{network} has network version {version}: DataCap is not allocated any more from version {NO_ALLOCATIONS} on \
             (FIP-0118)"
        );
        Err(BackendError::never(why, "run the job without --filplus"))
    }

    fn check_provider(&self, provider: &Address, size: u64) -> Result<String, BackendError> {
        const OTHER: &str = "set filecoin.provider and filecoin.market to another provider's";
        let miner = match self.rpc.miner_info(provider) {
            Err(error) if error.is_no_actor() => {
                return Err(BackendError::never(format!("the provider {provider} does not exist on the chain"), OTHER));
            }
            Err(RpcError::Refused { said, .. }) if said.contains("failed to load miner actor") => {
                return Err(BackendError::never(format!("{provider} is not a storage provider ({said})"), OTHER));
            }
            miner => miner?,
        };
        let sector = Size(miner.sector_size);
        if size > miner.sector_size {
            let why = format!("the piece needs {} of a sector, and those of {provider} have {sector}", Size(size));
            return Err(BackendError::never(why, "reduce the results, or use a provider with larger sectors"));
        }
        let peer = miner.peer_id.map(|peer| format!(" (peer {peer})")).unwrap_or_default();
        Ok(format!("{provider}{peer} has sectors of {sector}"))
    }

    /// Checks that the wallet is the address of a key; the error names the key.
    fn check_key(&self, wallet: &Address) -> Result<(), BackendError> {
        if !matches!(wallet.kind(), AddressKind::Id | AddressKind::Actor) {
            return Ok(());
        }
        let todo = match self.rpc.account_key(wallet) {
            Ok(key) => format!("set filecoin.wallet to {key}, which signs for it"),
            Err(RpcError::Refused { .. }) => "set filecoin.wallet to the address of a key: f1…, f3… or f4…".into(),
            Err(error) => return Err(error.into()),
        };
        Err(BackendError::never(format!("{wallet} is not the address of a key"), todo))
    }

    /// Checks that the wallet has `DataCap` for `size` bytes.
    fn check_datacap(&self, wallet: &Address, size: u64) -> Result<String, BackendError> {
        let todo = "ask an allocator for DataCap (https://fil.org/datacap), or run the job without --filplus";
        let Some(id) = self.rpc.lookup_id(wallet)? else {
            let why = format!(
                "the wallet {wallet} has no DataCap: it does not exist on the chain, because it never received a \
                 transfer"
            );
            return Err(BackendError::never(why, todo));
        };
        match self.rpc.datacap(wallet)? {
            None => Err(BackendError::never(format!("the wallet {wallet} ({id}) has no DataCap"), todo)),
            Some(left) if left.0 < u128::from(size) => {
                let why = format!(
                    "the wallet {wallet} ({id}) has {} bytes of DataCap left, and the piece needs {size}",
                    left.0
                );
                Err(BackendError::never(why, todo))
            }
            Some(left) => Ok(format!("{wallet} is {id} and has {} bytes of DataCap", left.0)),
        }
    }

    /// Describes the wallet of a deal without `DataCap`, which sends no message.
    fn describe_wallet(&self, wallet: &Address, size: u64) -> Result<String, BackendError> {
        let collateral = fil(self.rpc.collateral_bounds(size, false)?.min.0);
        let Some(id) = self.rpc.lookup_id(wallet)? else {
            return Ok(format!("{wallet} does not exist on the chain, which a deal without DataCap does not need"));
        };
        let balance = self.rpc.market_balance(wallet)?;
        let free = fil(balance.escrow.0.saturating_sub(balance.locked.0));
        Ok(format!(
            "{wallet} is {id}, with {free} FIL in the market actor, which would want {collateral} FIL of the provider for \
             such a deal"
        ))
    }

    /// Requests an allocation, unless that was done before.
    fn allocate(&self, deal: &StorageDeal, now_ms: u64) -> Result<Observation, BackendError> {
        let head = self.head(now_ms)?;
        let request = self.request(deal, head)?;
        if let Some(id) = self.find(deal, &request)? {
            return Ok(Observation::Allocated(id));
        }
        if request.expiration - head.epoch < LEAST_LEFT {
            return Err(BackendError::never(
                "the deal has waited so long that too little time is left to seal it",
                "publish the results again",
            ));
        }
        let spec = SendSpec {
            max_fee: (u128::from(deal.terms.max_fee_nanofil) * ATTO_PER_NANO).to_string(),
            msg_uuid: deal.id.uuid(),
            maximize_fee_cap: false,
        };
        let message = Message {
            version: 0,
            to: transfer::DATACAP_ACTOR,
            from: &deal.terms.wallet,
            nonce: 0,
            value: "0",
            gas_limit: 0,
            gas_fee_cap: "0",
            gas_premium: "0",
            method: transfer::TRANSFER,
            params: BASE64_STANDARD.encode(request.params()),
        };
        match self.rpc.push(&message, &spec) {
            Ok(cid) => Ok(Observation::Pushed(Link::from(cid))),
            Err(error) => {
                // If another deal has spent it meanwhile, that is the error.
                self.check_datacap(&deal.terms.wallet, request.size)?;
                Err(error.into())
            }
        }
    }

    /// The result of the message, and its allocation.
    fn allocated(&self, deal: &StorageDeal, now_ms: u64) -> Result<Observation, BackendError> {
        let head = self.head(now_ms)?;
        let request = self.request(deal, head)?;
        let message = deal.allocation.as_ref().and_then(|allocation| allocation.message);
        let message = message.ok_or_else(|| {
            BackendError::later(
                "internal error: the deal waits for a message that was not \
            sent",
            )
        })?;
        // It cannot have been executed before the deal was made.
        let back = head.epoch - head.epoch_at(deal.id.made_ms()) + DAY;
        let Some(found) = self.rpc.search(message.cid(), back)? else {
            if head.epoch > request.expiration {
                let why = format!("message {message} was not executed, and its request has expired");
                return Err(BackendError::never(why, "raise filecoin.max_price, and publish the results again"));
            }
            return Ok(Observation::Waiting(format!("message {message} is not on the chain yet")));
        };
        if found.receipt.exit_code != 0 {
            let code = found.receipt.exit_code;
            let why = format!("message {message} failed on the chain with exit code {code} ({})", exit(code));
            return Err(BackendError::never(why, "check the DataCap of the wallet, and publish the results again"));
        }
        let deep = head.epoch - found.height;
        if deep < CONFIDENCE {
            let why = format!("message {message} was executed {deep} epochs ago; it is final after {CONFIDENCE}");
            return Ok(Observation::Waiting(why));
        }
        match self.find(deal, &request)? {
            Some(id) => Ok(Observation::Allocated(id)),
            None => Err(BackendError::later(format!("message {message} was executed without an allocation"))),
        }
    }

    /// Whether the provider has claimed the allocation.
    fn claimed(&self, deal: &StorageDeal, now_ms: u64) -> Result<Observation, BackendError> {
        let head = self.head(now_ms)?;
        let Some(id) = deal.allocation.as_ref().and_then(|allocation| allocation.id) else {
            return Err(BackendError::later("internal error: the deal is verified and has no allocation"));
        };
        let StorageDeal { terms, piece, .. } = deal;
        if let Some(claim) = self.rpc.claim(&terms.provider, id)? {
            let (client, data) = (self.id_of(&terms.wallet)?, JsonCid(*piece.v1.cid()));
            if (claim.client, claim.data, claim.size) != (client, data, piece.padded_bytes) {
                let why = format!("claim {id} of {} is for another piece", terms.provider);
                return Err(BackendError::never(why, "ask the provider which allocation it has used"));
            }
            return Ok(Observation::Claimed(SectorClaim { sector: claim.sector, term_start: claim.term_start }));
        }
        match self.rpc.allocation(&terms.wallet, id)? {
            Some(allocation) if allocation.expiration >= head.epoch => Ok(Observation::Waiting(format!(
                "{} has not claimed allocation {id} yet; it can until epoch {}",
                terms.provider, allocation.expiration
            ))),
            Some(allocation) => {
                let why = format!("allocation {id} expired in epoch {} without a claim", allocation.expiration);
                Err(BackendError::never(
                    why,
                    "ask the provider for the reason, and publish the results again: the DataCap \
                    is returned",
                ))
            }
            None => Err(BackendError::later(format!("the chain has neither a claim nor an allocation {id}"))),
        }
    }

    /// The request, always the same for a deal.
    fn request(&self, deal: &StorageDeal, head: Head) -> Result<Request, BackendError> {
        let spread = i64::try_from(deal.id.random() % SPREAD).unwrap_or_default();
        Ok(Request {
            provider: self.id_of(&deal.terms.provider)?,
            data: *deal.piece.v1.cid(),
            size: deal.piece.padded_bytes,
            term_min: epochs(deal.terms.duration_epochs),
            term_max: epochs(deal.terms.longest_epochs()).min(LONGEST_TERM),
            expiration: head.epoch_at(deal.id.made_ms()) + LONGEST_WAIT - spread,
        })
    }

    /// The id of the allocation for `request`; `None` when it is not on the chain.
    fn find(&self, deal: &StorageDeal, request: &Request) -> Result<Option<u64>, BackendError> {
        let found = self.rpc.allocations(&deal.terms.wallet)?;
        let ours = found.iter().filter(|(_, allocation)| request.asks_for(allocation));
        Ok(ours.filter_map(|(id, _)| id.parse().ok()).min())
    }

    fn id_of(&self, address: &Address) -> Result<u64, BackendError> {
        let id = match address.id() {
            Some(id) => Some(id),
            None => self.rpc.lookup_id(address)?.and_then(|address| address.id()),
        };
        id.ok_or_else(|| BackendError::later(format!("{address} does not exist on the chain")))
    }
}

impl Backend for Lotus {
    fn advance(&self, deal: &StorageDeal, now_ms: u64) -> Result<Observation, BackendError> {
        match deal.stage {
            Stage::Prepared => self.check(deal, now_ms),
            Stage::Checked => self.allocate(deal, now_ms),
            Stage::Allocating => self.allocated(deal, now_ms),
            Stage::Complete => self.claimed(deal, now_ms),
            stage => Err(BackendError::later(format!("internal error: no chain step for stage {stage:?}"))),
        }
    }
}

impl Wallet for Lotus {
    fn sign(&self, wallet: &Address, message: &[u8]) -> Result<Vec<u8>, BackendError> {
        let (kind, signature) = self.rpc.sign(wallet, message)?;
        // The kinds of `crypto.SigType`, and their signature lengths.
        let length = match (kind, wallet.kind()) {
            (1, AddressKind::Secp256k1) | (3, AddressKind::Delegated) => 65,
            (2, AddressKind::Bls) => 96,
            _ => 0,
        };
        if signature.len() != length {
            let bytes = signature.len();
            let why = format!("{} signs for {wallet} with {bytes} bytes of kind {kind}", self.rpc.name());
            return Err(BackendError::later(format!("{why}, which is not a signature for such an address")));
        }
        Ok([&[kind], &signature[..]].concat())
    }
}

impl Head {
    /// The epoch of a time in Unix milliseconds, including epochs without blocks.
    fn epoch_at(self, ms: u64) -> i64 {
        let genesis = i128::from(self.time) - i128::from(self.epoch) * i128::from(EPOCH_SECONDS);
        let since = i128::from(ms / 1000) - genesis;
        i64::try_from(since.div_euclid(i128::from(EPOCH_SECONDS))).unwrap_or_default()
    }
}

impl Request {
    /// Whether the allocation results from this request.
    fn asks_for(&self, allocation: &Allocation) -> bool {
        let Allocation { provider, data, size, term_min, term_max, expiration, .. } = *allocation;
        *self == Self { provider, data: data.0, size, term_min, term_max, expiration }
    }
}

/// Checks the terms against the limits of the verified registry.
fn check_terms(deal: &StorageDeal) -> Result<(), BackendError> {
    let term = epochs(deal.terms.duration_epochs);
    if !(SHORTEST_TERM..=LONGEST_TERM).contains(&term) {
        let [term, shortest, longest] = [term, SHORTEST_TERM, LONGEST_TERM].map(|epochs| epochs / DAY);
        let why = format!("a verified deal lasts {shortest} to {longest} days, and this one would last {term}");
        return Err(BackendError::never(why, "set filecoin.duration"));
    }
    let size = deal.piece.padded_bytes;
    if size < LEAST_PIECE_BYTES {
        let why = format!("a verified piece has at least {}, and this one has {}", Size(LEAST_PIECE_BYTES), Size(size));
        return Err(BackendError::never(why, "run the job without --filplus"));
    }
    Ok(())
}

fn epochs(epochs: u64) -> i64 {
    i64::try_from(epochs).unwrap_or(i64::MAX)
}

/// An amount of attoFIL in FIL, without trailing zeros.
fn fil(atto: u128) -> String {
    let one = 10_u128.pow(18);
    let text = format!("{}.{:018}", atto / one, atto % one);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// Meaning of a message's exit code (`ExitCode` of the FVM).
fn exit(code: i64) -> &'static str {
    match code {
        5 | 6 => "the wallet has too little FIL",
        7 => "out of gas",
        16 => "illegal argument",
        17 => "not found",
        18 => "forbidden",
        19 => "insufficient DataCap",
        20 => "illegal state",
        _ => "see the actors' errors",
    }
}

impl fmt::Debug for Lotus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lotus").field("rpc", &self.rpc).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_fil() {
        for (atto, text) in [
            (0, "0"),
            (1, "0.000000000000000001"),
            (10_u128.pow(18), "1"),
            (1_500_000_000_000_000_000, "1.5"),
            (70_000_000_000_000_000, "0.07"),
        ] {
            assert_eq!(fil(atto), text);
        }
    }

    #[test]
    fn epochs_are_counted_from_the_head() {
        let head = Head { epoch: 100, time: 1_000_000 };
        for (seconds, epoch) in [(1_000_000, 100), (1_000_029, 100), (1_000_030, 101), (999_999, 99), (997_000, 0)] {
            assert_eq!(head.epoch_at(seconds * 1000 + 999), epoch, "{seconds}");
            // The same from another head.
            assert_eq!(Head { epoch: 2100, time: 1_060_000 }.epoch_at(seconds * 1000), epoch);
        }
    }
}
