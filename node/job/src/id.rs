//! Ids of jobs and executions. A job id is a hash of request and requester, so two jobs cannot have the same; an
//! execution id is job, shard and number.

use std::fmt;
use std::str::FromStr;

use bacalhau_tree::Link;
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::SignedRequest;

/// Length of a job id in bytes: a truncated, collision-resistant SHA-256.
const JOB_ID_BYTES: usize = 20;
/// Digits of base 32, as in RFC 4648 and in CIDs, in lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The name of a job: 20 bytes, written as 32 digits of base 32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId([u8; JOB_ID_BYTES]);

/// The name of one execution: `JOB:SHARD:NUMBER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExecutionId {
    /// Job id.
    pub job: JobId,
    /// Its shard, counted from 0.
    pub shard: u32,
    /// Its number in the shard, counted from 1 in the order in which bids were accepted.
    pub number: u16,
}

/// A text that names no job or execution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no {1}")]
pub struct IdError(String, &'static str);

impl JobId {
    /// The id of `request` at `requester`.
    pub fn of(request: &SignedRequest, requester: &PeerId) -> Self {
        let encoded = request.to_dag_cbor();
        if request.request.spec.private {
            return Self::of_private(&Link::of_dag_cbor(&encoded), requester);
        }
        Self::hash(&encoded, requester)
    }

    /// The name of a private job, by the CID of its signed request: others can check it without the request.
    pub fn of_private(request: &Link, requester: &PeerId) -> Self {
        Self::hash(&request.cid().to_bytes(), requester)
    }

    fn hash(request: &[u8], requester: &PeerId) -> Self {
        let mut hash = Sha256::new();
        hash.update(request);
        hash.update(requester.to_bytes());
        let mut id = [0; JOB_ID_BYTES];
        id.copy_from_slice(&hash.finalize()[..JOB_ID_BYTES]);
        Self(id)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; JOB_ID_BYTES] {
        &self.0
    }

    /// The beginning, as it is shown to people.
    pub fn short(&self) -> String {
        self.to_string()[..8].into()
    }

    /// The execution of this job with this number in this shard.
    pub fn execution(self, shard: u32, number: u16) -> ExecutionId {
        ExecutionId { job: self, shard, number }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.chunks(5) {
            let bits = chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for digit in (0..8).rev() {
                let index = usize::try_from(bits >> (5 * digit) & 31).unwrap_or_default();
                write!(f, "{}", char::from(DIGITS[index]))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for JobId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError(text.into(), "job id: 32 letters a to z and digits 2 to 7");
        let digits: Option<Vec<u64>> =
            text.bytes().map(|byte| DIGITS.iter().position(|digit| *digit == byte).map(|at| at as u64)).collect();
        let digits = digits.filter(|digits| digits.len() == JOB_ID_BYTES / 5 * 8).ok_or_else(wrong)?;
        let mut id = [0; JOB_ID_BYTES];
        for (bytes, digits) in id.chunks_mut(5).zip(digits.chunks(8)) {
            let bits = digits.iter().fold(0, |bits, digit| bits << 5 | digit);
            bytes.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        Ok(Self(id))
    }
}

/// Serialized as text.
impl PartialSchema for JobId {
    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

impl ToSchema for JobId {}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.job, self.shard, self.number)
    }
}

impl FromStr for ExecutionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError(text.into(), "execution id: JOB:SHARD:NUMBER");
        let mut parts = text.split(':');
        let (Some(job), Some(shard), Some(number), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let id = Self {
            job: job.parse().map_err(|_| wrong())?,
            shard: shard.parse().map_err(|_| wrong())?,
            number: number.parse().map_err(|_| wrong())?,
        };
        // One execution has one name: no signs, no leading zeros.
        if id.to_string() == text { Ok(id) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for JobId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ExecutionId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<ExecutionId> for String {
    fn from(id: ExecutionId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_are_read_as_they_are_written(bytes: [u8; JOB_ID_BYTES], shard: u32, number: u16) {
            let id = JobId(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            let id = id.execution(shard, number);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn no_text_is_a_name_by_accident(text in "\\PC{0,80}") {
            if let Ok(id) = text.parse::<JobId>() {
                prop_assert_eq!(id.to_string(), text.clone());
            }
            if let Ok(id) = text.parse::<ExecutionId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn one_execution_has_one_name() {
        let job = "a".repeat(32);
        format!("{job}:0:1").parse::<ExecutionId>().unwrap();
        for wrong in [format!("{job}:00:1"), format!("{job}:0:+1"), format!("{job}:0:1:"), format!("{job}:0")] {
            let error = wrong.parse::<ExecutionId>().unwrap_err().to_string();
            assert!(error.contains("JOB:SHARD:NUMBER"), "{error}");
        }
    }
}
