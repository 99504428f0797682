//! A seal without encryption, for simulations only.

use std::sync::atomic::{AtomicU64, Ordering};

use libp2p::PeerId;
use sha2::{Digest as _, Sha256};

use bacalhau_job as job;
use bacalhau_protocol::{Ballot, MAX_SEALED_BYTES};
use bacalhau_values::hex::Hex;
use bacalhau_verify::{Seal, SealError};

/// Bytes of a salt.
const SALT_BYTES: usize = 16;

/// Behaves like encryption for nodes that follow the protocol: only the recipient can open it.
#[derive(Debug)]
pub struct FakeSeal {
    me: PeerId,
    life: u32,
    salts: AtomicU64,
}

impl FakeSeal {
    /// The seal of this node in this life of it.
    pub fn new(me: PeerId, life: u32) -> Self {
        Self { me, life, salts: AtomicU64::new(0) }
    }
}

impl Seal for FakeSeal {
    fn salt(&self) -> Result<String, SealError> {
        // Unique, which is sufficient for a simulation.
        let salt = Sha256::new()
            .chain_update(self.me.to_bytes())
            .chain_update(self.life.to_be_bytes())
            .chain_update(self.salts.fetch_add(1, Ordering::Relaxed).to_be_bytes())
            .finalize();
        Ok(Hex(&salt[..SALT_BYTES]).to_string())
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

    fn seal_spec(&self, spec: &[u8], to: &PeerId) -> Result<Vec<u8>, SealError> {
        Ok([&to.to_bytes(), spec].concat())
    }

    fn open_spec(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let spec = sealed.strip_prefix(self.me.to_bytes().as_slice());
        spec.map(Vec::from).ok_or_else(|| SealError::Sealed("it is sealed to another node".into()))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(signature(&self.me, text))
    }

    fn is_signed(&self, signer: &PeerId, text: &[u8], with: &str) -> bool {
        Hex(&signature(signer, text)).to_string() == with
    }
}

/// A fake signature, which simulated nodes do not forge.
fn signature(signer: &PeerId, text: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update(signer.to_bytes()).chain_update(text).finalize().to_vec()
}
