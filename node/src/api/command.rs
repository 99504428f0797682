//! That a request is that of a job's client: what it is for, which job, and when, signed. It travels in the header
//! `authorization: Bacalhau BASE64-OF-JSON`.
//!
//! A job's name holds its requester's, so a command is for one node only. It counts for some minutes; within them it may
//! be used again, which changes nothing: cancelling twice is cancelling once, and who can copy a request to read could have
//! copied the answer.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use libp2p::PeerId;
use libp2p::identity::{Keypair, PublicKey};
use serde::{Deserialize, Serialize};

use crate::hex;
use crate::job::{JobId, to_dag_cbor};

/// What is signed before the command, so that the signature means nothing anywhere else.
const CONTEXT: &[u8] = b"bacalhau api command 1\n";
/// What the header begins with.
const SCHEME: &str = "Bacalhau ";
/// How far the client's clock may be from the server's, both ways: 5 minutes.
pub(super) const WINDOW_MS: u64 = 5 * 60 * 1000;

/// What a job's client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// To take the job back.
    Cancel,
    /// To see what is private of it.
    Read,
}

/// A command, and who gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCommand {
    command: Command,
    /// The client's ed25519 public key, as libp2p encodes keys, in hexadecimal.
    client_key: String,
    /// The signature of `command`, in hexadecimal.
    signature: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    action: Action,
    job: JobId,
    /// Unix milliseconds, by the client's clock.
    at_ms: u64,
}

/// Why a command does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It cannot be read.
    #[error(
        "the header authorization is no signed command: leave it out, or sign one with the key of the job's client"
    )]
    Malformed,
    /// It is not signed by its key.
    #[error("the command is not signed by its client_key")]
    Signature,
    /// It is about something else.
    #[error("the command is signed for another job or action")]
    Other,
    /// It is too old, or not of this time.
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
    /// When the key cannot sign, which an ed25519 key always can.
    pub fn sign(action: Action, job: JobId, at_ms: u64, key: &Keypair) -> Result<Self, CommandError> {
        let command = Command { action, job, at_ms };
        let signature = key.sign(&command.signed_bytes()).map_err(|_| CommandError::Signature)?;
        let client_key = hex::Hex(&key.public().encode_protobuf()).to_string();
        Ok(Self { command, client_key, signature: hex::Hex(&signature).to_string() })
    }

    /// Who gives it, if it is for `action` on `job` about `now_ms`.
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

    /// As it stands in the header.
    pub fn to_header(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{SCHEME}{}", BASE64_URL_SAFE_NO_PAD.encode(json))
    }

    /// From a header.
    ///
    /// # Errors
    /// When it is none.
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
