//! A signed spec. The client's key authorizes cancellation and access to private data of the job.

use libp2p_identity::PeerId;
use libp2p_identity::{Keypair, PublicKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::JobSpec;
use super::spec::{MAX_REQUEST_BYTES, SpecError};

/// Domain separation prefix of the signature.
const CONTEXT: &[u8] = b"bacalhau job request 1\n";

/// The signed content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The job's spec.
    pub spec: JobSpec,
    /// Arbitrary text that distinguishes jobs with equal specs.
    pub nonce: String,
}

/// A request with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedRequest {
    /// The signed request.
    pub request: Request,
    /// The client's ed25519 public key, as libp2p encodes keys, in hexadecimal.
    pub client_key: String,
    /// The signature of `request`, in hexadecimal.
    pub signature: String,
}

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The signature is invalid.
    #[error("the request is not signed by its client_key: sign it with the client's key")]
    Signature,
    /// It is too large to be announced.
    #[error("the request has {0} bytes, and {MAX_REQUEST_BYTES} are allowed: put data into inputs by CID")]
    TooLarge(usize),
    /// The spec is invalid.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

impl Request {
    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = CONTEXT.to_vec();
        bytes.extend(super::to_dag_cbor(self));
        bytes
    }
}

impl SignedRequest {
    /// Signs `request`.
    ///
    /// # Errors
    /// When the key cannot sign, which an ed25519 key always can.
    pub fn sign(request: Request, key: &Keypair) -> Result<Self, RequestError> {
        let signature = key.sign(&request.signed_bytes()).map_err(|_| RequestError::Signature)?;
        let client_key = bacalhau_values::hex::Hex(&key.public().encode_protobuf()).to_string();
        Ok(Self { request, client_key, signature: bacalhau_values::hex::Hex(&signature).to_string() })
    }

    /// The client, if signature and spec are valid.
    ///
    /// # Errors
    /// Which one is not.
    pub fn check(&self) -> Result<PeerId, RequestError> {
        let size = self.to_dag_cbor().len();
        if size > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLarge(size));
        }
        let key = bacalhau_values::hex::decode(&self.client_key)
            .and_then(|bytes| PublicKey::try_decode_protobuf(&bytes).ok());
        let key = key.ok_or(RequestError::Signature)?;
        let signature = bacalhau_values::hex::decode(&self.signature).ok_or(RequestError::Signature)?;
        if !key.verify(&self.request.signed_bytes(), &signature) {
            return Err(RequestError::Signature);
        }
        self.request.spec.check()?;
        Ok(key.to_peer_id())
    }

    /// The claimed client; trust it only after [`check`](Self::check).
    pub fn client(&self) -> Option<PeerId> {
        let key = PublicKey::try_decode_protobuf(&bacalhau_values::hex::decode(&self.client_key)?).ok()?;
        Some(key.to_peer_id())
    }

    /// The canonical encoding.
    pub fn to_dag_cbor(&self) -> Vec<u8> {
        super::to_dag_cbor(self)
    }
}

#[cfg(test)]
mod tests {
    use bacalhau_tree::Link;

    use super::*;
    use crate::Deal;

    #[test]
    fn a_request_is_its_signers() {
        let spec = JobSpec {
            timeout_seconds: 60,
            ..JobSpec::wasm("data:,x", bacalhau_receipt::Job::new(Link::of_raw(b"")), Deal::new(1, 0).unwrap())
        };
        let key = Keypair::generate_ed25519();
        let signed = SignedRequest::sign(Request { spec, nonce: "1".into() }, &key).unwrap();
        assert_eq!(signed.check(), Ok(key.public().to_peer_id()));
        let json = serde_json::to_string(&signed).unwrap();
        assert_eq!(serde_json::from_str::<SignedRequest>(&json).unwrap().check(), signed.check());
        let mut other = signed.clone();
        other.request.nonce = "2".into();
        assert_eq!(other.check(), Err(RequestError::Signature));
        let mut other = signed;
        other.client_key = SignedRequest::sign(other.request.clone(), &Keypair::generate_ed25519()).unwrap().client_key;
        assert_eq!(other.check(), Err(RequestError::Signature));
    }
    #[test]
    fn a_job_without_later_fields_is_what_it_was() {
        let job = bacalhau_receipt::Job::new(Link::of_raw(b""));
        let spec = JobSpec::wasm("data:,x", job, Deal::new(1, 0).unwrap());
        let request = |spec| Request { spec, nonce: "1".into() };
        let encoded = |spec: &JobSpec| crate::to_dag_cbor(&request(spec.clone()));
        let has = |bytes: Vec<u8>| bytes.windows(15).any(|window| window == b"verified_inputs");
        assert!(!has(encoded(&spec)));
        assert!(!serde_json::from_value::<JobSpec>(serde_json::to_value(&spec).unwrap()).unwrap().verified_inputs);
        let spec = JobSpec { verified_inputs: true, ..spec };
        assert!(has(encoded(&spec)));
        let signed = SignedRequest::sign(request(spec), &Keypair::generate_ed25519()).unwrap();
        signed.check().unwrap();
        let json = serde_json::to_string(&signed).unwrap();
        let again = serde_json::from_str::<SignedRequest>(&json).unwrap();
        assert!(again.request.spec.verified_inputs);
        again.check().unwrap();
    }
}
