//! The signed head of a chain: its newest advertisement
//! (<https://github.com/ipni/specs/blob/main/IPNI_HTTP_PROVIDER.md#get-ipniv1adhead>).

use bytes::Bytes;
use libp2p_identity::Keypair;
use serde::Serialize;

use crate::dag_json::{Blob, Link};
use bacalhau_cas::{Cid, DataError};

/// The topic of the production network.
const TOPIC: &str = "/indexer/ingest/mainnet";

/// The form on the wire. The fields are in the order of their names.
#[derive(Serialize)]
struct Wire<'a> {
    head: Link,
    pubkey: Blob,
    sig: Blob,
    topic: &'a str,
}

/// The signed head `cid` as DAG-JSON.
///
/// # Errors
/// When the key cannot sign.
pub(crate) fn sign(cid: &Cid, key: &Keypair) -> Result<Bytes, DataError> {
    let failed = |error: &dyn std::error::Error| DataError::malformed("the head of advertisements", error.to_string());
    let signed = [&cid.to_bytes(), TOPIC.as_bytes()].concat();
    let sig = key.sign(&signed).map_err(|error| failed(&error))?;
    let wire = Wire { head: Link(*cid), pubkey: Blob(key.public().encode_protobuf()), sig: Blob(sig), topic: TOPIC };
    serde_json::to_vec(&wire).map(Bytes::from).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD_NO_PAD;
    use libp2p_identity::PublicKey;
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_head_names_its_signer_and_is_signed_with_the_topic() {
        let key = Keypair::ed25519_from_bytes([7; 32]).unwrap();
        let cid: Cid = "baguqeerazx6qhbdzckrnuwvl3reqnrpysz3ry5qtdxzpo23losoeiywij65a".parse().unwrap();
        let head: Value = serde_json::from_slice(&sign(&cid, &key).unwrap()).unwrap();
        let blob = |name: &str| BASE64_STANDARD_NO_PAD.decode(head[name]["/"]["bytes"].as_str().unwrap()).unwrap();
        assert_eq!((head["head"]["/"].as_str(), head["topic"].as_str()), (Some(&*cid.to_string()), Some(TOPIC)));
        let signer = PublicKey::try_decode_protobuf(&blob("pubkey")).unwrap();
        assert_eq!(signer, key.public());
        assert!(signer.verify(&[&cid.to_bytes(), TOPIC.as_bytes()].concat(), &blob("sig")));
    }
}
