//! Signatures of rounds: BLS12-381 with keys in G2 and signatures in G1, over SHA-256 of the round's number.

use blst::BLST_ERROR;
use blst::min_sig::{PublicKey, Signature};
use sha2::{Digest, Sha256};

use super::{SignatureError, SignatureFault};
use bacalhau_job::BeaconChain;
use bacalhau_values::hex;

/// The scheme, as drand calls it.
pub const SCHEME: &str = "bls-unchained-g1-rfc9380";
/// The domain of its signatures.
const DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// Whether `signature`, in hexadecimal, is that of a round of `chain`.
///
/// # Errors
/// Why not, with chain and round.
pub fn verify(chain: &BeaconChain, round: u64, signature: &str) -> Result<(), SignatureError> {
    let wrong = |fault| SignatureError { round, chain: chain.hash(), fault };
    let key = hex::decode(&chain.public_key).and_then(|key| PublicKey::key_validate(&key).ok());
    let key = key.ok_or_else(|| wrong(SignatureFault::Key))?;
    let signature = hex::decode(signature).and_then(|bytes| Signature::sig_validate(&bytes, true).ok());
    let signature = signature.ok_or_else(|| wrong(SignatureFault::Point))?;
    let message = Sha256::digest(round.to_be_bytes());
    match signature.verify(true, &message, DOMAIN, &[], &key, false) {
        BLST_ERROR::BLST_SUCCESS => Ok(()),
        _ => Err(wrong(SignatureFault::Mismatch)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds of quicknet as drand serves them.
    const ROUNDS: [(u64, &str, &str); 2] = [
        (
            1000,
            "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
            "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
        ),
        (
            657_413,
            "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b",
            "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587",
        ),
    ];

    #[test]
    fn rounds_of_quicknet_verify_and_give_the_randomness_that_drand_says() {
        let chain = BeaconChain::quicknet();
        for (round, signature, randomness) in ROUNDS {
            assert_eq!(verify(&chain, round, signature), Ok(()));
            let bytes = hex::decode(signature).unwrap();
            assert_eq!(bacalhau_job::Hash256::of(&[&bytes]).to_string(), randomness);
        }
    }

    #[test]
    fn a_signature_of_another_round_or_key_or_none_at_all_is_named() {
        let chain = BeaconChain::quicknet();
        let signature = ROUNDS[0].1;
        let why = verify(&chain, 1001, signature).unwrap_err().to_string();
        assert!(why.contains("round 1001 of beacon chain 52db9ba70e0c") && why.contains("does not verify"), "{why}");
        // The point at infinity, and what is no point.
        let infinity = format!("c0{}", "00".repeat(47));
        for wrong in [infinity, "00".repeat(48), signature[2..].to_owned(), "zz".into(), String::new()] {
            assert!(verify(&chain, 1000, &wrong).unwrap_err().to_string().contains("not a point of G1"), "{wrong}");
        }
        let other = BeaconChain { public_key: "00".repeat(96), ..chain };
        assert!(verify(&other, 1000, signature).unwrap_err().to_string().contains("not a point of G2"));
    }
}
