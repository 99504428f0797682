//! A signed command, which authenticates a request as that of a job's client: action, job and time. It is in the header
//! `authorization: Bacalhau BASE64-OF-JSON`.
//!
//! A job id contains its requester, so a command is valid on one node. It is valid for some minutes. A replay within
//! them changes nothing: cancelling is idempotent, and a party that can copy a read request can copy its answer too.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use libp2p_identity::PeerId;
use libp2p_identity::{Keypair, PublicKey};
use serde::{Deserialize, Serialize};

use super::{JobId, to_dag_cbor};
use bacalhau_values::hex;

/// Domain separation prefix of the signature.
const CONTEXT: &[u8] = b"bacalhau api command 1\n";
/// Prefix of the header value.
const SCHEME: &str = "Bacalhau ";
/// Maximum clock difference between client and server, in both directions: 5 minutes.
const WINDOW_MS: u64 = 5 * 60 * 1000;

/// Action of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Cancel the job.
    Cancel,
    /// Read private data of the job.
    Read,
}

/// A command with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCommand {
    command: Command,
    /// The client's ed25519 public key in libp2p encoding, in hexadecimal.
    client_key: String,
    /// The signature of `command`, in hexadecimal.
    signature: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    action: Action,
    job: JobId,
    /// Time of the command in Unix milliseconds, by the client's clock.
    at_ms: u64,
}

/// Why a command is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It is malformed.
    #[error(
        "the header authorization is not a signed command: remove it, or sign one with the key of the job's client"
    )]
    Malformed,
    /// The signature is invalid.
    #[error("the command is not signed by its client_key")]
    Signature,
    /// It is for another job or action.
    #[error("the command is signed for another job or action")]
    Other,
    /// Its time is too far from the server's.
    #[error("the command was signed {0} s {1} the server's time, and 300 s are allowed: set the clock")]
    Time(u64, &'static str),
}

impl Command {
    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = CONTEXT.to_vec();
        bytes.extend(to_dag_cbor(self));
        bytes
    }
}

impl SignedCommand {
    /// Signs `action` on `job` at `at_ms`, in Unix milliseconds.
    ///
    /// # Errors
    /// When the key cannot sign; ed25519 keys always can.
    pub fn sign(action: Action, job: JobId, at_ms: u64, key: &Keypair) -> Result<Self, CommandError> {
        let command = Command { action, job, at_ms };
        let signature = key.sign(&command.signed_bytes()).map_err(|_| CommandError::Signature)?;
        let client_key = hex::Hex(&key.public().encode_protobuf()).to_string();
        Ok(Self { command, client_key, signature: hex::Hex(&signature).to_string() })
    }

    /// The signer, if the command is for `action` on `job` and valid at `now_ms`.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self, action: Action, job: &JobId, now_ms: u64) -> Result<PeerId, CommandError> {
        let Command { action: signed, job: about, at_ms } = self.command;
        if signed != action || about != *job {
            return Err(CommandError::Other);
        }
        if at_ms.abs_diff(now_ms) > WINDOW_MS {
            let side = if at_ms < now_ms { "before" } else { "after" };
            return Err(CommandError::Time(at_ms.abs_diff(now_ms) / 1000, side));
        }
        let key = hex::decode(&self.client_key).and_then(|bytes| PublicKey::try_decode_protobuf(&bytes).ok());
        let (key, signature) = key.zip(hex::decode(&self.signature)).ok_or(CommandError::Signature)?;
        if !key.verify(&self.command.signed_bytes(), &signature) {
            return Err(CommandError::Signature);
        }
        Ok(key.to_peer_id())
    }

    /// The header value.
    pub fn to_header(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{SCHEME}{}", BASE64_URL_SAFE_NO_PAD.encode(json))
    }

    /// Parses a header value.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_header(text: &str) -> Result<Self, CommandError> {
        let encoded = text.strip_prefix(SCHEME).ok_or(CommandError::Malformed)?;
        let json = BASE64_URL_SAFE_NO_PAD.decode(encoded.trim()).map_err(|_| CommandError::Malformed)?;
        serde_json::from_slice(&json).map_err(|_| CommandError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job(text: &str) -> JobId {
        text.repeat(32).parse().unwrap()
    }

    #[test]
    fn a_command_is_its_signers_and_for_one_thing_at_one_time() {
        let key = Keypair::generate_ed25519();
        let signed = SignedCommand::sign(Action::Cancel, job("a"), 1_000_000_000, &key).unwrap();
        let read = SignedCommand::from_header(&signed.to_header()).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.check(Action::Cancel, &job("a"), 1_000_000_000 + WINDOW_MS), Ok(key.public().to_peer_id()));
        assert_eq!(read.check(Action::Read, &job("a"), 1_000_000_000), Err(CommandError::Other));
        assert_eq!(read.check(Action::Cancel, &job("b"), 1_000_000_000), Err(CommandError::Other));
        let late = read.check(Action::Cancel, &job("a"), 1_000_000_001 + WINDOW_MS);
        assert_eq!(late, Err(CommandError::Time(300, "before")));
        let early = read.check(Action::Cancel, &job("a"), 999_999_999 - WINDOW_MS);
        assert_eq!(early, Err(CommandError::Time(300, "after")));
        let mut other = read.clone();
        other.command.job = job("b");
        assert_eq!(other.check(Action::Cancel, &job("b"), 1_000_000_000), Err(CommandError::Signature));
        let mut other = read;
        other.client_key = hex::Hex(&Keypair::generate_ed25519().public().encode_protobuf()).to_string();
        assert_eq!(other.check(Action::Cancel, &job("a"), 1_000_000_000), Err(CommandError::Signature));
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd_to_be_refused(text in ".*", bytes in any::<Vec<u8>>()) {
            prop_assert!(SignedCommand::from_header(&text).is_err());
            let text = format!("{SCHEME}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
            prop_assert!(SignedCommand::from_header(&text).is_err());
        }
    }
}
