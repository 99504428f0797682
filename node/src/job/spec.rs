//! What a client asks for: a program with its inputs, how often it runs, how it is judged, where results go. Plain data
//! with one canonical encoding. Reading or running any of it is done elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use bacalhau_runtime::{Link, MAX_ARGUMENTS, bounded};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Deal, DockerSpec, docker_profile};

/// The longest that one execution may be asked to take: a day.
pub const MAX_TIMEOUT_SECONDS: u64 = 86_400;
/// The most shards that a job may have.
pub const MAX_SHARDS: usize = 10_000;
/// Bytes of a request in its canonical form, at most: what every node has to read before it knows whether it cares.
pub const MAX_REQUEST_BYTES: usize = 256 << 10;

/// The most inputs that a job may name.
pub const MAX_INPUTS: usize = MAX_ARGUMENTS;
/// The most labels that a job may have.
pub const MAX_LABELS: usize = 256;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// The program.
    pub engine: Engine,
    /// Its inputs, in the order in which they were named.
    #[serde(default, deserialize_with = "bounded::list::<_, _, MAX_INPUTS>", skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputSpec>,
    /// How often, and who has to agree.
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
    /// What one execution may take of its node.
    #[serde(default)]
    pub resources: Resources,
    /// Wall-clock seconds that a provider gives one execution. Default: 1800.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// Whether only the client that submitted the job may see its inputs, logs and results. Default: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Words for people to find the job by.
    #[serde(default, deserialize_with = "bounded::list::<_, _, MAX_LABELS>", skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

fn default_timeout() -> u64 {
    1800
}

/// What runs the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "a spec has one, and most are the large one")]
pub enum Engine {
    /// The sandbox of `bacalhau-runtime`.
    Wasm(WasmSpec),
    /// A container. That it is deterministic is the claim of whoever submits it.
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
    /// Where the module is found, as on the command line. What it must be stands in `job.module`.
    pub module: String,
    /// Everything that a result is a function of. Its `inputs` are filled in for each shard; they are empty here.
    #[schema(value_type = Object)]
    pub job: bacalhau_runtime::Job,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Where it is found, as on the command line: `ipfs://CID/path`, `https://…`, `data:,…`, a path.
    pub source: String,
    /// The absolute guest path at which it is seen.
    pub target: String,
}

/// Who judges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerifierKind {
    /// The largest group of equal results wins.
    #[default]
    Deterministic,
    /// Nobody.
    Noop,
}

/// Who makes results available to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PublisherKind {
    /// As a DAG of the provider's block store.
    Ipfs,
    /// As a directory of the provider's.
    Local,
    /// In a deal with a storage provider of Filecoin.
    Filecoin,
    /// At a service that speaks the IPFS Pinning Service API, as Estuary did.
    Estuary,
}

/// How the files of the inputs are spread over shards, as in the original: all entries of all inputs whose path below
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

/// What one execution takes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Thousandths of a core. Default 1000. A WebAssembly run has one thread and takes 1000 at least, whatever is asked for.
    pub cpu_millis: u64,
    /// Bytes of memory. Default 0: as much as the program's limit says.
    pub memory_bytes: u64,
    /// Bytes of disk for inputs that have to be fetched and for results. Default 0: as much as the inputs are known to
    /// have.
    pub disk_bytes: u64,
}

impl Default for Resources {
    fn default() -> Self {
        Self { cpu_millis: 1000, memory_bytes: 0, disk_bytes: 0 }
    }
}

/// Why a spec asks for nothing that could be done.
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
            private: false,
            labels: Vec::new(),
        }
    }

    /// The same for the sandbox: `job`, whose module is found at `module`.
    pub fn wasm(module: impl Into<String>, job: bacalhau_runtime::Job, deal: Deal) -> Self {
        Self::new(Engine::Wasm(WasmSpec { module: module.into(), job }), deal)
    }

    /// Says what of the spec no node would do.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn check(&self) -> Result<(), SpecError> {
        let wrong = |why: String| Err(SpecError(why));
        if self.timeout_seconds == 0 || self.timeout_seconds > MAX_TIMEOUT_SECONDS {
            return wrong(format!(
                "timeout_seconds is {}: give between 1 and {MAX_TIMEOUT_SECONDS} seconds",
                self.timeout_seconds
            ));
        }
        if self.verifier == VerifierKind::Noop && self.deal.confidence() > 0 {
            return wrong("confidence needs the deterministic verifier: noop compares nothing".into());
        }
        if self.verifier == VerifierKind::Noop && self.deal.audit_millionths() > 0 {
            return wrong("an audit needs the deterministic verifier: noop compares nothing".into());
        }
        let mut targets = BTreeMap::new();
        for input in &self.inputs {
            if !input.target.starts_with('/') {
                return wrong(format!("input target {:?} is no absolute path", input.target));
            }
            // Several inputs at one place are told apart by sharding only.
            if let Some(other) = targets.insert(&input.target, &input.source).filter(|_| self.sharding.is_none()) {
                return wrong(format!("{} and {other} would both be at {}", input.source, input.target));
            }
        }
        match &self.engine {
            Engine::Wasm(wasm) if !wasm.job.inputs.is_empty() => {
                return wrong("engine.wasm.job.inputs must be empty: write inputs into `inputs`".into());
            }
            Engine::Wasm(_) => {}
            // The inputs of a shard are known when it is planned.
            Engine::Docker(docker) if self.sharding.is_some() => docker.check(&[])?,
            Engine::Docker(docker) => docker.check(&self.inputs)?,
        }
        if self.publishers.iter().collect::<BTreeSet<_>>().len() < self.publishers.len() {
            return wrong("publishers names one of them twice".into());
        }
        if self.filplus && !self.publishers.contains(&PublisherKind::Filecoin) {
            return wrong("filplus asks for a verified deal: add the publisher filecoin".into());
        }
        match &self.sharding {
            Some(sharding) if sharding.batch_size == 0 => wrong("sharding.batch_size is 0: give at least 1".into()),
            _ => Ok(()),
        }
    }
}
