//! A job's spec: a program with its inputs, deal, verifier and publishers. Plain data with one canonical encoding.

use std::collections::{BTreeMap, BTreeSet};

use bacalhau_receipt::{MAX_ARGUMENTS, bounded};
use bacalhau_tree::Link;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Condition, Deal, DockerSpec, MAX_CONDITIONS, docker_profile};

/// Maximum timeout of an execution: one day.
pub const MAX_TIMEOUT_SECONDS: u64 = 86_400;
/// Maximum time that a job waits for busy providers: one week.
pub const MAX_QUEUE_SECONDS: u64 = 604_800;
/// The most shards that a job may have.
pub const MAX_SHARDS: usize = 10_000;
/// Maximum size of a request in its canonical form, in bytes: every node reads it before it can decide.
pub const MAX_REQUEST_BYTES: usize = 256 << 10;

/// The most inputs that a job may name.
pub const MAX_INPUTS: usize = MAX_ARGUMENTS;
/// The most labels that a job may have.
pub const MAX_LABELS: usize = 256;

/// The spec of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// The program.
    pub engine: Engine,
    /// Its inputs, in the order in which they were named.
    #[serde(default, deserialize_with = "bounded::list::<_, _, MAX_INPUTS>", skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputSpec>,
    /// The deal.
    pub deal: Deal,
    /// How results are judged. Default: the vote.
    #[serde(default)]
    pub verifier: VerifierKind,
    /// Where results of winners go, beside the requester. Default: nowhere.
    #[serde(default, deserialize_with = "bounded::list::<_, _, MAX_LABELS>", skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<PublisherKind>,
    /// Ask the publisher `filecoin` for a verified deal, which takes `DataCap` of the wallet it is configured with. Default:
    /// no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub filplus: bool,
    /// How inputs are spread over shards. Default: one shard with all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharding: Option<Sharding>,
    /// Whether inputs by CID are read only from sources where all that is read is checked against the CID. A provider that cannot
    /// do that fails, and has no vote. Default: no, which allows unsealed copies that can be neither proved nor disproved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified_inputs: bool,
    /// Resources of one execution.
    #[serde(default)]
    pub resources: Resources,
    /// Wall-clock seconds that a provider gives one execution. Default: 1800.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// Seconds from its submission in which the job waits for providers that would run it and are busy. 0: it does not
    /// wait longer than for bids. Absent: the default of the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_seconds: Option<u64>,
    /// Whether only the client that submitted the job may see its inputs, logs and results. Default: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Conditions on the labels of nodes that may run the job. Default: none, any node may.
    #[serde(
        default,
        deserialize_with = "bounded::list::<_, _, MAX_CONDITIONS>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub selector: Vec<Condition>,
    /// Words for people to find the job by.
    #[serde(default, deserialize_with = "bounded::list::<_, _, MAX_LABELS>", skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

fn default_timeout() -> u64 {
    1800
}

/// The engine with its program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "a spec has one, and most are the large one")]
pub enum Engine {
    /// The sandbox of `bacalhau-runtime`.
    Wasm(WasmSpec),
    /// A container. Its determinism is not enforced.
    Docker(DockerSpec),
}

impl Engine {
    /// The rules under which its results are claimed.
    pub fn profile(&self) -> Link {
        match self {
            Self::Wasm(wasm) => wasm.job.profile,
            Self::Docker(_) => docker_profile(),
        }
    }

    /// Where the program is found, as on the command line.
    pub fn program(&self) -> &str {
        match self {
            Self::Wasm(wasm) => &wasm.module,
            Self::Docker(docker) => &docker.image,
        }
    }
}

/// A WebAssembly program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WasmSpec {
    /// Source of the module, as on the command line. `job.module` is its CID.
    pub module: String,
    /// Everything that a result is a function of. Its `inputs` are filled in for each shard; they are empty here.
    #[schema(value_type = Object)]
    pub job: bacalhau_receipt::Job,
}

/// An input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Where it is found, as on the command line: `ipfs://CID/path`, `https://…`, `data:,…`, a path.
    pub source: String,
    /// The absolute guest path at which it is seen.
    pub target: String,
}

/// The verifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerifierKind {
    /// The largest group of equal results wins.
    #[default]
    Deterministic,
    /// No verification.
    Noop,
}

/// A publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PublisherKind {
    /// As a DAG of the provider's block store.
    Ipfs,
    /// As a directory of the provider's.
    Local,
    /// In a deal with a storage provider of Filecoin.
    Filecoin,
    /// A service with the IPFS Pinning Service API, as Estuary had.
    Estuary,
    /// As a piece in a data set of Filecoin Warm Storage, at a provider with PDP.
    Pdp,
    /// As objects below a prefix of the provider's in an object store: S3, Google Cloud Storage or Azure.
    S3,
}

/// How the inputs are split into shards, as in the original Bacalhau: all entries of all inputs whose path below
/// `base_path` matches `glob_pattern`, in batches of `batch_size`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sharding {
    /// A pattern with `*`, `**`, `?` and `{a,b}`, such as `/*.csv`.
    pub glob_pattern: String,
    /// The guest path from which on the pattern counts. Default `/inputs`.
    #[serde(default = "default_base_path")]
    pub base_path: String,
    /// Entries of one shard. Default 1.
    #[serde(default = "default_batch_size")]
    pub batch_size: u32,
}

fn default_base_path() -> String {
    "/inputs".into()
}

fn default_batch_size() -> u32 {
    1
}

/// Resources of one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Thousandths of a core. Default 1000. A WebAssembly run has one thread and uses at least 1000.
    pub cpu_millis: u64,
    /// Memory in bytes. Default 0: the program's limit.
    pub memory_bytes: u64,
    /// Disk in bytes for fetched inputs and for results. Default 0: the known size of the inputs.
    pub disk_bytes: u64,
}

impl Default for Resources {
    fn default() -> Self {
        Self { cpu_millis: 1000, memory_bytes: 0, disk_bytes: 0 }
    }
}

/// Why a spec is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpecError(pub(super) String);

impl JobSpec {
    /// `engine` by `deal`, with the defaults in everything else.
    pub fn new(engine: Engine, deal: Deal) -> Self {
        Self {
            engine,
            inputs: Vec::new(),
            deal,
            verifier: VerifierKind::default(),
            publishers: Vec::new(),
            filplus: false,
            sharding: None,
            verified_inputs: false,
            resources: Resources::default(),
            timeout_seconds: default_timeout(),
            queue_seconds: None,
            private: false,
            selector: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// A spec for the sandbox: `job`, whose module is at `module`.
    pub fn wasm(module: impl Into<String>, job: bacalhau_receipt::Job, deal: Deal) -> Self {
        Self::new(Engine::Wasm(WasmSpec { module: module.into(), job }), deal)
    }

    /// Validates the spec.
    ///
    /// # Errors
    /// The invalid value, and what to write instead.
    pub fn check(&self) -> Result<(), SpecError> {
        let wrong = |why: String| Err(SpecError(why));
        if self.timeout_seconds == 0 || self.timeout_seconds > MAX_TIMEOUT_SECONDS {
            return wrong(format!(
                "timeout_seconds is {}: give between 1 and {MAX_TIMEOUT_SECONDS} seconds",
                self.timeout_seconds
            ));
        }
        if let Some(seconds) = self.queue_seconds.filter(|seconds| *seconds > MAX_QUEUE_SECONDS) {
            return wrong(format!("queue_seconds is {seconds}: give at most {MAX_QUEUE_SECONDS} seconds"));
        }
        if self.verifier == VerifierKind::Noop && self.deal.confidence() > 0 {
            return wrong("confidence needs the deterministic verifier: noop compares nothing".into());
        }
        if self.verifier == VerifierKind::Noop && self.deal.audit_millionths() > 0 {
            return wrong("an audit needs the deterministic verifier: noop compares nothing".into());
        }
        self.selector.iter().try_for_each(Condition::check)?;
        let mut targets = BTreeMap::new();
        for input in &self.inputs {
            if !input.target.starts_with('/') {
                return wrong(format!("input target {:?} is not an absolute path", input.target));
            }
            // Only sharding distinguishes several inputs at one path.
            if let Some(other) = targets.insert(&input.target, &input.source).filter(|_| self.sharding.is_none()) {
                return wrong(format!("{} and {other} would both be at {}", input.source, input.target));
            }
        }
        match &self.engine {
            Engine::Wasm(wasm) if !wasm.job.inputs.is_empty() => {
                return wrong("engine.wasm.job.inputs must be empty: write inputs into `inputs`".into());
            }
            Engine::Wasm(_) => {}
            // The inputs of a shard are known after sharding.
            Engine::Docker(docker) if self.sharding.is_some() => docker.check(&[])?,
            Engine::Docker(docker) => docker.check(&self.inputs)?,
        }
        if self.publishers.iter().collect::<BTreeSet<_>>().len() < self.publishers.len() {
            return wrong("publishers names one of them twice".into());
        }
        if self.filplus && !self.publishers.contains(&PublisherKind::Filecoin) {
            return wrong("filplus requests a verified deal: add the publisher filecoin".into());
        }
        match &self.sharding {
            Some(sharding) if sharding.batch_size == 0 => wrong("sharding.batch_size is 0: give at least 1".into()),
            _ => Ok(()),
        }
    }
}
