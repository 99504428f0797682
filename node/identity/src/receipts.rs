//! Signatures of receipts: a node signs its claim with the key of its peer id. Only the claim is signed, which is equal
//! for every correct run; repeating the job verifies it.

use std::str::FromStr as _;

use bacalhau_receipt::{Claim, Receipt, Signature};
use bacalhau_values::hex::{self, Hex};
use libp2p_identity::{KeyType, PeerId, PublicKey};

use crate::identity::Identity;

/// Domain separation prefix of the signature.
const CONTEXT: &[u8] = b"bacalhau receipt 1\n";
/// Multihash code of the peer ids that hold their key: all of ed25519 do.
const IDENTITY_HASH: u64 = 0;

/// An invalid signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgedSignature {
    /// The signer's name has no key in it.
    #[error("the receipt is signed by {0:?}, which is not the peer ID of an ed25519 key")]
    Signer(String),
    /// The signature is not of this claim by this signer.
    #[error(
        "the signature of {0} is not of this claim: the claim was changed after it was signed, or {0} never signed it"
    )]
    Signature(PeerId),
}

/// Adds the signature of `identity`, in place of one that it gave before.
#[expect(clippy::missing_panics_doc, reason = "cannot panic, as explained below")]
pub fn sign(receipt: &mut Receipt, identity: &Identity) {
    let signer = identity.peer_id().to_string();
    #[expect(clippy::expect_used, reason = "only RSA keys can fail to sign, and an identity is an ed25519 key")]
    let signature = identity.keypair().sign(&signed_bytes(&receipt.claim)).expect("an ed25519 key signs");
    let signature = Hex(&signature).to_string();
    receipt.signatures.retain(|other| other.signer != signer);
    receipt.signatures.push(Signature { signer, signature });
}

/// The signers of the receipt, each once, in order.
///
/// # Errors
/// When a signature is invalid: then the receipt is not to be trusted.
pub fn check(receipt: &Receipt) -> Result<Vec<PeerId>, ForgedSignature> {
    let bytes = signed_bytes(&receipt.claim);
    let mut signers = Vec::new();
    for Signature { signer, signature } in &receipt.signatures {
        let (peer, key) = key_of(signer).ok_or_else(|| ForgedSignature::Signer(signer.clone()))?;
        let signature = hex::decode(signature).filter(|signature| key.verify(&bytes, signature));
        signature.ok_or(ForgedSignature::Signature(peer))?;
        if !signers.contains(&peer) {
            signers.push(peer);
        }
    }
    Ok(signers)
}

fn signed_bytes(claim: &Claim) -> Vec<u8> {
    [CONTEXT, &claim.to_dag_cbor()].concat()
}

fn key_of(signer: &str) -> Option<(PeerId, PublicKey)> {
    let peer = PeerId::from_str(signer).ok()?;
    let hash = peer.as_ref();
    let key = (hash.code() == IDENTITY_HASH).then(|| PublicKey::try_decode_protobuf(hash.digest()).ok())??;
    (key.key_type() == KeyType::Ed25519).then_some((peer, key))
}

#[cfg(test)]
mod tests {
    use bacalhau_receipt::{Job, Link, Outcome, Unclaimed};

    use super::*;

    fn receipt() -> Receipt {
        let job = Job::new(Link::of_raw(b""));
        let job_cid = job.cid().unwrap();
        let claim = Claim::new(job, job_cid, Outcome::Exit(0), 7, "h1:x".into(), Vec::new());
        Receipt::new(claim, Unclaimed::default())
    }

    #[test]
    fn those_who_signed_are_named_in_both_encodings() {
        let (one, two) = (Identity::ephemeral(), Identity::ephemeral());
        let mut receipt = receipt();
        assert_eq!(check(&receipt), Ok(Vec::new()));
        for identity in [&one, &two, &one] {
            sign(&mut receipt, identity);
        }
        assert_eq!(receipt.signatures.len(), 2);
        for bytes in [receipt.to_json().into_bytes(), receipt.to_dag_cbor()] {
            assert_eq!(check(&Receipt::parse(&bytes).unwrap()), Ok(vec![two.peer_id(), one.peer_id()]));
        }
        // What is not claimed may be filled in after signing.
        receipt.unclaimed.started = Some("2022-01-01T00:00:00Z".into());
        check(&receipt).unwrap();
        receipt.signatures.push(receipt.signatures[0].clone());
        assert_eq!(check(&receipt), Ok(vec![two.peer_id(), one.peer_id()]));
    }

    #[test]
    fn forgeries_by_name() {
        let (honest, other) = (Identity::ephemeral(), Identity::ephemeral());
        let mut signed = receipt();
        sign(&mut signed, &honest);
        let by = |signer: &str, signature: String| {
            let mut receipt = receipt();
            receipt.signatures = vec![Signature { signer: signer.into(), signature }];
            check(&receipt)
        };
        let good = signed.signatures[0].signature.clone();
        let name = honest.peer_id().to_string();
        assert_eq!(by(&name, good.clone()), Ok(vec![honest.peer_id()]));

        let mut altered = signed.clone();
        altered.claim.fuel += 1;
        assert_eq!(check(&altered), Err(ForgedSignature::Signature(honest.peer_id())), "another claim");
        let other = other.peer_id();
        assert_eq!(by(&other.to_string(), good.clone()), Err(ForgedSignature::Signature(other)), "another's name");
        let without_context = Hex(&honest.keypair().sign(&signed.claim.to_dag_cbor()).unwrap()).to_string();
        for (forged, why) in [
            (without_context, "signed for something else"),
            (String::new(), "empty"),
            (good[2..].into(), "cut"),
            (format!("{good}00"), "longer"),
            (format!("zz{}", &good[2..]), "no digits"),
            (format!("é{}", &good[2..]), "no ASCII"),
        ] {
            assert_eq!(by(&name, forged), Err(ForgedSignature::Signature(honest.peer_id())), "{why}");
        }
        // A peer id that is a hash of a key, one of no key, and no peer id at all.
        for signer in ["QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR", "1", "", "\x1b[2J"] {
            assert_eq!(by(signer, good.clone()), Err(ForgedSignature::Signer(signer.into())));
        }
        signed.signatures.push(Signature { signer: other.to_string(), signature: good });
        assert_eq!(check(&signed), Err(ForgedSignature::Signature(other)), "one forged beside one that is good");
    }
}
