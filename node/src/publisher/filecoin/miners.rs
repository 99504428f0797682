//! Whether a node belongs to a storage provider, as the chain has it: the provider's actor names the peer id of the node, or
//! its worker key has signed that peer id. What the chain says of a provider is remembered for a while.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{Address, Lotus};
use crate::budget::Recent;
use crate::job::{MinerClaim, OperatorProof};

/// Storage providers that are remembered.
const REMEMBERED: usize = 4096;
/// For how long what the chain says is believed.
const FRESH: Duration = Duration::from_mins(10);
/// For how long a storage provider of which nothing could be found out is not asked about again.
const UNKNOWN: Duration = Duration::from_secs(30);

/// What the chain says of a storage provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miner {
    /// The peer id that it is reached by, if it has set one.
    pub peer: Option<String>,
    /// The actor of its worker key.
    pub worker: Address,
}

/// What was found out of storage providers.
pub struct Miners {
    lotus: Lotus,
    known: Mutex<Recent<u64, Option<Known>>>,
}

/// What was found out of one, or why nothing was.
#[derive(Clone)]
struct Known {
    at: Instant,
    miner: Result<Miner, String>,
}

impl Miners {
    /// Asks this node, which may be silent for as long as it was made to.
    pub fn new(lotus: Lotus) -> Self {
        Self { lotus, known: Mutex::new(Recent::new(REMEMBERED)) }
    }

    /// How it is proved that `peer` belongs to the storage provider that it claims to belong to.
    ///
    /// # Errors
    /// Why it is not.
    pub fn prove(&self, peer: &PeerId, claim: &MinerClaim) -> Result<OperatorProof, String> {
        let miner = self.miner(claim)?;
        if miner.peer.as_ref().is_some_and(|named| *named == peer.to_base58()) {
            return Ok(OperatorProof::MinerPeer);
        }
        let Some(signature) = &claim.signature else {
            let named = miner.peer.map_or_else(|| "no peer id".into(), |named| format!("the peer id {named}"));
            return Err(format!("the chain names {named}, and the claim has no signature of the worker key"));
        };
        let signature = crate::hex::decode(signature).ok_or("its signature is not hexadecimal")?;
        match self.lotus.key_signed(&miner.worker, &claim.message(peer), &signature) {
            Ok(true) => Ok(OperatorProof::MinerWorker),
            Ok(false) => Err(format!("its signature is not one of the worker key of {}", claim.name())),
            Err(trouble) => Err(trouble.to_string()),
        }
    }

    fn miner(&self, claim: &MinerClaim) -> Result<Miner, String> {
        let now = Instant::now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).of(&claim.miner, || None).clone();
        if let Some(Known { at, miner }) = known {
            let fresh = if miner.is_ok() { FRESH } else { UNKNOWN };
            if now.saturating_duration_since(at) < fresh {
                return miner;
            }
        }
        let address: Address = claim.name().parse()?;
        // Without the lock: others may be looked up meanwhile.
        let miner = self.lotus.miner(&address).map_err(|trouble| trouble.to_string());
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
