//! Signatures of receipts: a node vouches for what it claims, by the key from which its peer id follows. What is signed
//! is the claim alone, which is the same for every sound run; whether it is true is found out by running the job again.

use std::str::FromStr as _;

use bacalhau_runtime::{Claim, Receipt, Signature};
use libp2p::PeerId;
use libp2p::identity::{KeyType, PublicKey};

use crate::hex::{self, Hex};
use crate::transport::Identity;

/// What is signed before the claim, so that the signature means nothing anywhere else.
const CONTEXT: &[u8] = b"bacalhau receipt 1\n";
/// Multihash code of the peer ids that hold their key: all of ed25519 do.
const IDENTITY_HASH: u64 = 0;

/// A signature that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgedSignature {
    /// The signer's name has no key in it.
    #[error("the receipt says that {0:?} signed it, which is no peer id of an ed25519 key")]
    Signer(String),
    /// The signature is not of this claim by this signer.
    #[error(
        "the signature of {0} is not of this claim: the claim was changed after it was signed, or {0} never signed it"
    )]
    Signature(PeerId),
}

/// Adds the signature of `identity`, in place of one that it gave before.
#[expect(clippy::missing_panics_doc, reason = "it does not panic, as said below")]
pub fn sign(receipt: &mut Receipt, identity: &Identity) {
    let signer = identity.peer_id().to_string();
    #[expect(clippy::expect_used, reason = "only RSA keys can fail to sign, and an identity is an ed25519 key")]
    let signature = identity.keypair().sign(&signed_bytes(&receipt.claim)).expect("an ed25519 key signs");
    let signature = Hex(&signature).to_string();
    receipt.signatures.retain(|other| other.signer != signer);
    receipt.signatures.push(Signature { signer, signature });
}

/// Who signed the receipt, each once, in the order of the receipt.
///
/// # Errors
/// When one of the signatures is forged: then none of the receipt is to be trusted.
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
    use bacalhau_runtime::{Job, Link, Outcome, Unclaimed};

    use super::*;

    fn receipt() -> Receipt {
        let job = Job::new(Link::of_raw(b""));
        let claim = Claim {
            job_cid: job.cid().unwrap(),
            job,
            outcome: Outcome::Exit(0),
            fuel: 7,
            h1: "h1:x".into(),
            files: Vec::new(),
        };
        Receipt { claim, signatures: Vec::new(), unclaimed: Unclaimed::default() }
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
        assert!(check(&receipt).is_ok());
        receipt.signatures.push(receipt.signatures[0].clone());
        assert_eq!(check(&receipt), Ok(vec![two.peer_id(), one.peer_id()]));
    }

    #[test]
    fn forgeries_by_name() {
        let (honest, other) = (Identity::ephemeral(), Identity::ephemeral());
        let mut signed = receipt();
        sign(&mut signed, &honest);
        let by = |signer: &str, signature: String| {
            let signatures = vec![Signature { signer: signer.into(), signature }];
            check(&Receipt { signatures, ..receipt() })
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
        assert!(check(&signed).is_err(), "one forged beside one that is good");
    }
}
