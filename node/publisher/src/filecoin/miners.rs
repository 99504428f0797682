//! Checks on the chain whether a node belongs to a storage provider: the provider's actor has the node's peer ID, or
//! its worker key has signed it. Results are cached.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use libp2p_identity::PeerId;

use super::{Address, AddressError, BackendError, Lotus};
use bacalhau_job::{MinerClaim, OperatorProof};
use bacalhau_values::budget::Recent;

/// Maximum cached storage providers.
const REMEMBERED: usize = 4096;
/// Lifetime of a cached result.
const FRESH: Duration = Duration::from_mins(10);
/// Lifetime of a cached error.
const UNKNOWN: Duration = Duration::from_secs(30);

/// Facts about a storage provider on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miner {
    /// Its peer ID, if set.
    pub peer: Option<String>,
    /// The actor of its worker key.
    pub worker: Address,
}

/// Cached lookups of storage providers.
pub struct Miners {
    lotus: Lotus,
    known: Mutex<Recent<u64, Option<Known>>>,
}

/// A cached result or error.
#[derive(Clone)]
struct Known {
    at: Instant,
    miner: Result<Miner, ProofError>,
}

/// Why a node is not proved to belong to a storage provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The provider's name is not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The chain node did not answer, or does not know the provider.
    #[error(transparent)]
    Chain(#[from] BackendError),
    /// The chain has another peer id or none, and the claim has no signature.
    #[error("the chain has {}, and the claim has no signature of the worker key", peer_words(.chain.as_deref()))]
    Unsigned {
        /// The peer id on the chain.
        chain: Option<String>,
    },
    /// The signature is not hexadecimal.
    #[error("its signature is not hexadecimal")]
    NotHex,
    /// Another key has signed the claim.
    #[error("its signature is not by the worker key of {0}")]
    OtherKey(String),
}

fn peer_words(peer: Option<&str>) -> String {
    peer.map_or_else(|| "no peer id".into(), |peer| format!("the peer id {peer}"))
}

impl Miners {
    /// Looks up with this node and its timeout.
    pub fn new(lotus: Lotus) -> Self {
        Self { lotus, known: Mutex::new(Recent::new(REMEMBERED)) }
    }

    /// Proves that `peer` belongs to the storage provider of its claim, and returns how.
    ///
    /// # Errors
    /// Why it does not.
    pub fn prove(&self, peer: &PeerId, claim: &MinerClaim) -> Result<OperatorProof, ProofError> {
        let miner = self.miner(claim)?;
        if miner.peer.as_ref().is_some_and(|named| *named == peer.to_base58()) {
            return Ok(OperatorProof::MinerPeer);
        }
        let Some(signature) = &claim.signature else {
            return Err(ProofError::Unsigned { chain: miner.peer });
        };
        let signature = bacalhau_values::hex::decode(signature).ok_or(ProofError::NotHex)?;
        if self.lotus.key_signed(&miner.worker, &claim.message(peer), &signature)? {
            Ok(OperatorProof::MinerWorker)
        } else {
            Err(ProofError::OtherKey(claim.name()))
        }
    }

    fn miner(&self, claim: &MinerClaim) -> Result<Miner, ProofError> {
        let now = Instant::now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).of(&claim.miner, || None).clone();
        if let Some(Known { at, miner }) = known {
            let fresh = if miner.is_ok() { FRESH } else { UNKNOWN };
            if now.saturating_duration_since(at) < fresh {
                return miner;
            }
        }
        let address: Address = claim.name().parse()?;
        // Outside of the lock, so that other lookups can continue.
        let miner = self.lotus.miner(&address).map_err(ProofError::from);
        let known = Some(Known { at: now, miner: miner.clone() });
        *self.known.lock().unwrap_or_else(PoisonError::into_inner).of(&claim.miner, || None) = known;
        miner
    }
}

impl fmt::Debug for Miners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Miners").field("lotus", &self.lotus).finish_non_exhaustive()
    }
}
