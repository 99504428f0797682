//! A seal that hides nothing and costs nothing: for simulations only.

use std::sync::atomic::{AtomicU64, Ordering};

use libp2p::PeerId;

use crate::job;
use crate::protocol::{Ballot, MAX_SEALED_BYTES};
use crate::verify::{Seal, SealError};

/// Behaves as a seal does towards those who keep to the rules: what is sealed to one node cannot be opened by another.
#[derive(Debug)]
pub struct FakeSeal {
    me: PeerId,
    salts: AtomicU64,
}

impl FakeSeal {
    /// The seal of this node.
    pub fn new(me: PeerId) -> Self {
        Self { me, salts: AtomicU64::new(0) }
    }
}

impl Seal for FakeSeal {
    fn salt(&self) -> Result<String, SealError> {
        // No two are the same, which is all that a simulation needs of them.
        Ok(format!("{:032x}", self.salts.fetch_add(1, Ordering::Relaxed)))
    }

    fn seal(&self, ballot: &Ballot) -> Result<Vec<u8>, SealError> {
        let mut sealed = ballot.requester.to_bytes();
        sealed.extend(job::to_dag_cbor(ballot));
        Ok(sealed)
    }

    fn open(&self, sealed: &[u8]) -> Result<Ballot, SealError> {
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(SealError::TooLarge(sealed.len()));
        }
        let ballot = sealed
            .strip_prefix(self.me.to_bytes().as_slice())
            .ok_or_else(|| SealError::Sealed("it is sealed to another node".into()))?;
        serde_ipld_dagcbor::from_slice(ballot).map_err(|why| SealError::Ballot(why.to_string()))
    }
}
