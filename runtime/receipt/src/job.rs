//! A job of the sandbox. Plain data with one canonical encoding, so that a job has a CID.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use bacalhau_tree::Link;

use crate::bounded;
use crate::limits::Limits;
use crate::names;
use crate::profile::Profile;

/// Default start of the virtual clock: 2022-01-01T00:00:00Z, the year of the first design.
pub const DEFAULT_EPOCH_SECONDS: u64 = 1_640_995_200;
/// Default entry point: that of a WASI command.
pub const DEFAULT_ENTRY_POINT: &str = "_start";

/// Maximum arguments of a job, and maximum inputs. Each costs memory beside its bytes.
pub const MAX_ARGUMENTS: usize = 16_384;
/// Maximum environment variables of a job, and maximum outputs.
pub const MAX_VARIABLES: usize = 4096;

/// Why a job is invalid on every machine: a complete sentence with the cause and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JobError(String);

impl JobError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A program with its inputs and limits: everything that a result depends on.
///
/// ```
/// use bacalhau_receipt::{Job, Link};
///
/// let mut job = Job::new(Link::of_raw(b"the module's bytes"));
/// job.args.push("--verbose".into());
/// job.outputs.insert("report".into(), "/report".into());
/// assert_eq!(job.cid().unwrap(), job.clone().cid().unwrap());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Job {
    /// Id of the profile under which the result is claimed. Default: [`Profile::V1`].
    pub profile: Link,
    /// CID of the WebAssembly binary, as one raw block. For a text module: of its binary.
    pub module: Link,
    /// Exported function `() -> ()` to call. Default `_start`. For another one, `_initialize` is called first if the
    /// module exports it.
    pub entry_point: String,
    /// Arguments after `argv[0]`, which is always `main.wasm`. At most [`MAX_ARGUMENTS`].
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_ARGUMENTS>")]
    pub args: Vec<String>,
    /// The complete environment of the program. At most [`MAX_VARIABLES`].
    #[serde(deserialize_with = "bounded::map::<_, _, MAX_VARIABLES>")]
    pub env: BTreeMap<String, String>,
    /// File of the guest's tree that is its standard input. Default: none, standard input is empty.
    pub stdin: Option<String>,
    /// Inputs by absolute guest path. The value is their required identity: `h1:…` of a directory, CID of a file.
    /// `None` accepts any content; the receipt's copy of the job has its identity.
    #[serde(deserialize_with = "bounded::map::<_, _, MAX_ARGUMENTS>")]
    pub inputs: BTreeMap<String, Option<String>>,
    /// Outputs: name of the folder in the results directory, and absolute guest path of the kept directory. Default:
    /// `outputs` at `/outputs`.
    #[serde(deserialize_with = "bounded::map::<_, _, MAX_VARIABLES>")]
    pub outputs: BTreeMap<String, String>,
    /// Seed of the guest's random numbers. Default 0.
    pub seed: u64,
    /// Start of the guest's clock in seconds since 1970. Default [`DEFAULT_EPOCH_SECONDS`].
    pub epoch_seconds: u64,
    /// Limits of the run.
    pub limits: Limits,
}

impl Job {
    /// A job that runs `_start` of `module` with defaults: no arguments, no inputs, `/outputs` kept.
    pub fn new(module: Link) -> Self {
        Self {
            profile: Profile::V1.id(),
            module,
            entry_point: DEFAULT_ENTRY_POINT.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            stdin: None,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::from([Self::default_output()]),
            seed: 0,
            epoch_seconds: DEFAULT_EPOCH_SECONDS,
            limits: Limits::default(),
        }
    }

    /// The default output: name and guest path.
    pub fn default_output() -> (String, String) {
        ("outputs".into(), "/outputs".into())
    }

    /// The canonical DAG-CBOR of the job, whose CID names it.
    ///
    /// # Errors
    /// When the identity of an input is not known yet.
    pub fn to_dag_cbor(&self) -> Result<Vec<u8>, JobError> {
        if let Some((path, _)) = self.inputs.iter().find(|(_, content)| content.is_none()) {
            return Err(JobError::new(format!("input {path} has no content hash yet, so the job has no CID")));
        }
        serde_ipld_dagcbor::to_vec(self).map_err(|error| JobError::new(format!("the job cannot be encoded: {error}")))
    }

    /// The CID of [`Job::to_dag_cbor`].
    ///
    /// # Errors
    /// As for `to_dag_cbor`.
    pub fn cid(&self) -> Result<Link, JobError> {
        self.to_dag_cbor().map(|bytes| Link::of_dag_cbor(&bytes))
    }

    /// The job with the identities of its inputs, in the order of their paths.
    ///
    /// # Errors
    /// When an input does not have the required identity.
    pub fn with_identities(&self, found: Vec<String>) -> Result<Self, JobError> {
        let mut job = self.clone();
        for ((place, wanted), found) in job.inputs.iter_mut().zip(found) {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != found) {
                return Err(JobError::new(format!("the input at {place} is {found}, but the job requires {wanted}")));
            }
            *wanted = Some(found);
        }
        Ok(job)
    }

    /// Validates profile, limits, names and paths of the job.
    ///
    /// # Errors
    /// The first problem.
    pub fn check(&self) -> Result<(), JobError> {
        if Profile::of(&self.profile).is_none() {
            let known: Vec<String> =
                Profile::ALL.iter().map(|profile| format!("{} ({})", profile.name, profile.id())).collect();
            return Err(JobError::new(format!(
                "the job has profile {}; this version runs {}",
                self.profile,
                known.join(" and ")
            )));
        }
        self.limits.check().map_err(JobError::new)?;
        self.check_names()
    }

    /// Validates arguments, environment and paths of the job, independent of the engine.
    ///
    /// # Errors
    /// The first problem.
    pub fn check_names(&self) -> Result<(), JobError> {
        self.check_counts()?;
        self.check_strings()?;
        self.check_places()
    }

    /// Limits of reading are checked before writing too.
    fn check_counts(&self) -> Result<(), JobError> {
        let counts = [
            ("arguments", self.args.len(), MAX_ARGUMENTS),
            ("environment variables", self.env.len(), MAX_VARIABLES),
            ("inputs", self.inputs.len(), MAX_ARGUMENTS),
            ("outputs", self.outputs.len(), MAX_VARIABLES),
        ];
        match counts.into_iter().find(|(_, count, most)| count > most) {
            Some((what, count, most)) => Err(JobError::new(format!(
                "the job has {count} {what}, and {most} are allowed: put long lists into an input"
            ))),
            None => Ok(()),
        }
    }

    fn check_strings(&self) -> Result<(), JobError> {
        for (key, value) in &self.env {
            if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
                return Err(JobError::new(format!(
                    "environment variable {key:?} has an empty name, or an invalid `=` or NUL"
                )));
            }
        }
        match self.args.iter().find(|arg| arg.contains('\0')) {
            Some(arg) => Err(JobError::new(format!("argument {arg:?} contains a NUL byte"))),
            None => Ok(()),
        }
    }

    /// Inputs and outputs must be absolute and plain paths, and not nested.
    fn check_places(&self) -> Result<(), JobError> {
        for name in self.outputs.keys() {
            if names::check_name(name.as_bytes()).is_err() || ["stdout", "stderr", "exitCode"].contains(&name.as_str())
            {
                return Err(JobError::new(format!(
                    "output name {name:?} is not usable: it becomes a folder of the results directory, beside stdout, \
                     stderr and exitCode"
                )));
            }
        }
        for place in self.inputs.keys().chain(self.outputs.values()) {
            names::check_place(place).map_err(JobError::new)?;
            let (names, most) = (place.matches('/').count(), self.limits.path_depth);
            if names as u64 > most {
                return Err(JobError::new(format!(
                    "{place} is nested {names} directories deep; the job's limit path_depth is {most}: raise it with \
                     --path-depth"
                )));
            }
        }
        // In this order, paths inside of a path follow it directly.
        let mut places: Vec<&String> = self.inputs.keys().chain(self.outputs.values()).collect();
        places.sort_by(|a, b| a.split('/').cmp(b.split('/')));
        if let Some([place, other]) = places.array_windows().find(|[place, other]| names::overlap(place, other)) {
            return Err(JobError::new(format!("{place} and {other} overlap: give each input and output its own path")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_deeper_than_the_limit_is_refused() {
        let mut job = Job::new(Link::of_raw(b""));
        job.limits.path_depth = 3;
        job.outputs = BTreeMap::from([("a".into(), "/x/y/z".into())]);
        assert_eq!(job.check(), Ok(()));
        job.outputs = BTreeMap::from([("a".into(), "/x/y/z/a".into())]);
        let refusal = job.check().unwrap_err().to_string();
        assert!(
            refusal.contains("/x/y/z/a is nested 4 directories deep") && refusal.contains("--path-depth"),
            "{refusal}"
        );
        job.limits.path_depth = 257;
        let refusal = job.check().unwrap_err().to_string();
        assert!(refusal.contains("path_depth is 257; the maximum is 256"), "{refusal}");
    }

    #[test]
    fn places_that_lie_in_each_other_are_refused_wherever_they_stand() {
        let overlap = |inputs: &[&str], output: &str| {
            let mut job = Job::new(Link::of_raw(b""));
            job.inputs = inputs.iter().map(|place| ((*place).into(), None)).collect();
            job.outputs = BTreeMap::from([("a".into(), output.into())]);
            job.check().err().map(|refusal| refusal.to_string())
        };
        assert_eq!(overlap(&["/a", "/a-b", "/a.b", "/b/c", "/b/d"], "/ab"), None);
        for (inputs, output, pair) in [
            (&["/a", "/a-b", "/a/b"][..], "/x", "/a and /a/b"),
            (&["/a/b", "/a!", "/a-b"], "/a", "/a and /a/b"),
            (&["/x/y/z", "/x/y-"], "/x/y", "/x/y and /x/y/z"),
            (&["/x"], "/x", "/x and /x"),
        ] {
            let refusal = overlap(inputs, output).unwrap();
            assert!(refusal.contains(&format!("{pair} overlap")), "{refusal}");
        }
    }

    /// A comparison of all pairs would take some hundred million steps.
    #[test]
    fn as_many_places_as_a_job_may_have_are_checked() {
        let mut job = Job::new(Link::of_raw(b""));
        let deep = "d".repeat(200);
        job.inputs = (0..MAX_ARGUMENTS).map(|index| (format!("/{deep}/{index}"), None)).collect();
        job.outputs = (0..MAX_VARIABLES).map(|index| (index.to_string(), format!("/{deep}/out{index}"))).collect();
        assert_eq!(job.check(), Ok(()));
    }
}
