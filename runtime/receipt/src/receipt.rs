//! Receipts: what ran, under which profile, with which outcome. Plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use bacalhau_tree::{Link, dirhash::FileHash};

use crate::job::Job;
use crate::outcome::Outcome;

/// The record of a run, sufficient to repeat it anywhere.
///
/// Two receipts of the same job have byte-equal claims; other data is in `unclaimed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Receipt {
    /// A function of the job alone: the object of the vote and of [`Receipt::differences`].
    pub claim: Claim,
    /// Signatures of the claim. Text here, because the runtime has no keys to check them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
    /// Time, place and duration: **not part of the claim**.
    #[serde(default)]
    pub unclaimed: Unclaimed,
}

/// Signature of a claim by a node that ran the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Peer id of the node.
    pub signer: String,
    /// The signature in hexadecimal.
    pub signature: String,
}

/// The claim of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Claim {
    /// The job with profile id, module CID and input hashes filled in.
    pub job: Job,
    /// CID of that job's canonical DAG-CBOR.
    pub job_cid: Link,
    /// How the program ended.
    pub outcome: Outcome,
    /// Fuel used: all of it if it was exhausted; after a trap or stack overflow, the amount charged up to the last
    /// checkpoint.
    pub fuel: u64,
    /// Go's directory hash of the results directory with the prefix `results`.
    pub h1: String,
    /// Files of the results directory, in hash order.
    pub files: Vec<ResultFile>,
}

/// A file of the results directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultFile {
    /// Path below the results directory, with `/`.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the content in hexadecimal.
    pub sha256: String,
}

impl From<&FileHash> for ResultFile {
    fn from(file: &FileHash) -> Self {
        Self { name: file.name_lossy().into_owned(), bytes: file.size, sha256: file.sha256_hex() }
    }
}

/// Data that may differ between receipts of the same job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Unclaimed {
    /// Program and version that ran the job.
    pub version: String,
    /// Operating system and architecture.
    pub platform: String,
    /// How the module was executed: `optimized`, `baseline`, `unoptimized` or `interpreter`.
    pub backend: String,
    /// Start of the run as RFC 3339. Set by the caller, because the runtime has no clock.
    pub started: Option<String>,
    /// Wall-clock milliseconds of the run. Set by the caller too.
    pub wall_ms: Option<u64>,
    /// Source of the module: a path or a URL.
    pub module_source: Option<String>,
    /// CID, as text, of the component that the module was lowered from, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Source of each input, by guest path.
    pub input_sources: BTreeMap<String, String>,
    /// Services of each input, by guest path: the first, and its replacements after failures.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub input_services: BTreeMap<String, Vec<Service>>,
    /// Places of the results.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Publication>,
    /// The container, if it was one; the claim's `module` is its CID as DAG-CBOR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<serde_json::Value>,
    /// Notes for people: reached limits that did not end the run, skipped links.
    pub notes: Vec<String>,
}

/// A service of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The kind of storage: `local`, `url`, `inline`, `unsealed` or `ipfs`.
    pub driver: String,
    /// Where it had the data from: a path, a URL, peers.
    pub place: String,
    /// How the data was checked against the claim.
    pub checked: Checked,
    /// Why it failed; absent if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// How an input was checked against its identity in the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checked {
    /// The identity is a hash of the read data.
    Hashed,
    /// All read data was verified against the CID, which is the identity.
    Verified,
    /// It could not be checked; only its holder claims that it is the data of the CID.
    Unverified,
    /// Its holder chose not to check.
    Trusted,
}

/// A place of the results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Publication {
    /// The publisher: `ipfs`, `local`, `filecoin` or `estuary`.
    pub publisher: String,
    /// CID of the results directory.
    pub cid: Option<Link>,
    /// Name of the import profile that yields this CID.
    pub import_profile: Option<String>,
    /// Paths on the publishing machine, URLs, or multiaddrs of peers.
    pub places: Vec<String>,
    /// Steps of an asynchronous publication: a deal, or a pin at a service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<PublicationStep>,
}

/// A step of a publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicationStep {
    /// Time in Unix milliseconds by the publisher's clock.
    pub at_ms: u64,
    /// Name of the state: `proposed`, `sealed`, `pinned`, `failed`.
    pub state: String,
    /// Description.
    pub text: String,
}

impl Receipt {
    /// A receipt that nobody has signed.
    pub fn new(claim: Claim, unclaimed: Unclaimed) -> Self {
        Self { claim, signatures: Vec::new(), unclaimed }
    }

    /// Canonical DAG-CBOR of the receipt.
    pub fn to_dag_cbor(&self) -> Vec<u8> {
        encode(self)
    }

    /// Indented JSON, ending in a newline.
    #[expect(clippy::missing_panics_doc, reason = "cannot panic, as explained below")]
    pub fn to_json(&self) -> String {
        #[expect(clippy::expect_used, reason = "all maps of a receipt have text keys")]
        let mut text = serde_json::to_string_pretty(self).expect("a receipt encodes");
        text.push('\n');
        text
    }

    /// Parses either encoding.
    ///
    /// # Errors
    /// The position of the problem, or that the job does not match its CID.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let receipt: Self = if json {
            serde_json::from_slice(bytes).map_err(|error| ReceiptError::Malformed(error.to_string()))?
        } else {
            serde_ipld_dagcbor::from_slice(bytes).map_err(|error| ReceiptError::Malformed(error.to_string()))?
        };
        let named = receipt.claim.job_cid;
        let actual = receipt.claim.job.cid().map_err(|refusal| ReceiptError::Malformed(refusal.to_string()))?;
        if actual == named {
            Ok(receipt)
        } else {
            Err(ReceiptError::JobAltered { named: named.into(), actual: actual.into() })
        }
    }

    /// Differences of `other`'s claim; empty if equal.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        self.claim.differences(&other.claim)
    }
}

impl Claim {
    /// A claim. `job` has the identities of its inputs, `job_cid` is its CID, and `files` are in the order of their names.
    pub fn new(job: Job, job_cid: Link, outcome: Outcome, fuel: u64, h1: String, files: Vec<ResultFile>) -> Self {
        Self { job, job_cid, outcome, fuel, h1, files }
    }

    /// Canonical DAG-CBOR of the claim, byte-equal for two correct runs of one job.
    pub fn to_dag_cbor(&self) -> Vec<u8> {
        encode(self)
    }

    /// Differences of `other`; empty if byte-equal.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut compare = |what: &str, ours: &dyn Display, theirs: &dyn Display| {
            let (expected, theirs) = (ours.to_string(), theirs.to_string());
            if expected != theirs {
                found.push(Difference { what: what.into(), expected, found: theirs });
            }
        };
        compare("job", &self.job_cid, &other.job_cid);
        compare("outcome", &self.outcome, &other.outcome);
        compare("fuel", &self.fuel, &other.fuel);
        compare("h1", &self.h1, &other.h1);
        found.extend(self.file_differences(&other.files));
        if found.is_empty() && self != other {
            // A handwritten claim may name one job and contain another, or list a file twice.
            let [expected, theirs] = [self, other].map(|claim| Link::of_dag_cbor(&claim.to_dag_cbor()).to_string());
            found.push(Difference { what: "encoding".into(), expected, found: theirs });
        }
        found
    }

    /// Files that differ from the claim, by name: those of another run or of a results directory.
    pub fn file_differences(&self, files: &[ResultFile]) -> Vec<Difference> {
        let (ours, theirs) = (by_name(&self.files), by_name(files));
        let names: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
        let compare = |name: &str| {
            let (expected, found) = (file_text(ours.get(name)), file_text(theirs.get(name)));
            (expected != found).then(|| Difference { what: format!("file {name}"), expected, found })
        };
        names.into_iter().filter_map(compare).collect()
    }
}

/// A difference of two claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `job`, `outcome`, `fuel`, `h1` or `file NAME`; `encoding` when all of these are equal but the bytes are not.
    pub what: String,
    /// Value in the first claim.
    pub expected: String,
    /// Value in the second claim.
    pub found: String,
}

/// Why bytes are not a receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Invalid in both encodings, or other fields.
    #[error("not a receipt: {0}")]
    Malformed(String),
    /// The job was changed after the receipt was written.
    #[error("the receipt names job {named}, but the job in it is {actual}: it was changed after it was written")]
    JobAltered {
        /// CID in the receipt.
        named: Box<Link>,
        /// CID of the contained job.
        actual: Box<Link>,
    },
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "numbers, text, lists and maps with text keys always encode")]
    serde_ipld_dagcbor::to_vec(value).expect("a receipt encodes")
}

fn by_name(files: &[ResultFile]) -> BTreeMap<&str, &ResultFile> {
    files.iter().map(|file| (file.name.as_str(), file)).collect()
}

fn file_text(file: Option<&&ResultFile>) -> String {
    file.map_or_else(|| "absent".into(), |file| format!("{} bytes, sha256 {}", file.bytes, file.sha256))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Trap;

    fn claim() -> Claim {
        let job = Job::new(Link::of_raw(b"module"));
        let file = |name: &str| ResultFile { name: name.into(), bytes: 1, sha256: "00".into() };
        Claim {
            job_cid: job.cid().unwrap(),
            job,
            outcome: Outcome::Trap(Trap::Unreachable),
            fuel: 7,
            h1: "h1:x".into(),
            files: vec![file("exitCode"), file("stdout")],
        }
    }

    #[test]
    fn fuel_is_a_number_whatever_the_outcome() {
        let receipt = Receipt::new(claim(), Unclaimed::default());
        let mut json: serde_json::Value = serde_json::from_str(&receipt.to_json()).unwrap();
        assert_eq!(json["claim"]["fuel"], 7);
        assert_eq!(Receipt::parse(&receipt.to_dag_cbor()).unwrap(), receipt);
        json["claim"]["fuel"] = serde_json::Value::Null;
        let error = Receipt::parse(json.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("not a receipt: invalid type: null, expected u64"), "{error}");
    }

    #[test]
    fn a_receipt_that_nobody_signed_is_what_it_was_before_there_were_signatures() {
        let mut receipt = Receipt::new(claim(), Unclaimed::default());
        assert!(!receipt.to_json().contains("signatures"));
        assert_eq!(Receipt::parse(receipt.to_json().as_bytes()).unwrap(), receipt);
        receipt.signatures.push(Signature { signer: "a".into(), signature: "00".into() });
        assert_eq!(Receipt::parse(receipt.to_json().as_bytes()).unwrap(), receipt);
        assert_eq!(Receipt::parse(&receipt.to_dag_cbor()).unwrap(), receipt);
    }

    #[test]
    fn claims_without_a_difference_are_equal_to_the_byte() {
        type Change = fn(&mut Claim);
        let changes: [(&str, Change); 7] = [
            ("job", |claim| claim.job_cid = Link::of_dag_cbor(b"other")),
            ("outcome", |claim| claim.outcome = Outcome::Exit(134)),
            ("fuel", |claim| claim.fuel = 8),
            ("h1", |claim| claim.h1.push('y')),
            ("file stdout", |claim| claim.files[1].bytes = 2),
            // Under the same names all the same, and yet not the same claim.
            ("encoding", |claim| claim.job.seed = 1),
            ("encoding", |claim| claim.files.insert(0, claim.files[0].clone())),
        ];
        for (what, change) in changes {
            let mut other = claim();
            change(&mut other);
            let differences = claim().differences(&other);
            assert_eq!(differences.iter().map(|found| found.what.as_str()).collect::<Vec<_>>(), [what]);
            assert_ne!(differences[0].expected, differences[0].found);
        }
        assert_eq!(claim().differences(&claim()), []);
    }
}
