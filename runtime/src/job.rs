//! What to run. Plain data with one canonical encoding, so that a job has a CID; running it is the business of `sandbox`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use bacalhau_tree::Link;

use crate::bounded;
use crate::gate::Refusal;
use crate::limits::Limits;
use crate::profile::Profile;
use crate::vfs::path;

/// Where the virtual clock starts when a job does not say: 2022-01-01T00:00:00Z, the year of the first design.
pub const DEFAULT_EPOCH_SECONDS: u64 = 1_640_995_200;
/// The function called when a job does not say: that of a WASI command.
pub const DEFAULT_ENTRY_POINT: &str = "_start";

/// The most arguments that a job may have, and the most inputs. Each costs memory beside its bytes wherever the job is read.
pub const MAX_ARGUMENTS: usize = 16_384;
/// The most variables that the environment of a job may have, and the most outputs.
pub const MAX_VARIABLES: usize = 4096;

/// A program, what it is given and what it may use: everything that a result is a function of.
///
/// ```
/// use bacalhau_runtime::{Job, Link};
///
/// let mut job = Job::new(Link::of_raw(b"the module's bytes"));
/// job.args.push("--verbose".into());
/// job.outputs.insert("report".into(), "/report".into());
/// assert_eq!(job.cid().unwrap(), job.clone().cid().unwrap());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Id of the rules under which the result is claimed. Default: that of [`Profile::V1`].
    pub profile: Link,
    /// CID of the WebAssembly binary, as one raw block. For a text module: of the binary it stands for.
    pub module: Link,
    /// Exported function `() -> ()` to call. Default `_start`. Where it is another one and the module has
    /// `_initialize`, that is called first.
    pub entry_point: String,
    /// Arguments after `argv[0]`, which is always `main.wasm`. At most [`MAX_ARGUMENTS`].
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_ARGUMENTS>")]
    pub args: Vec<String>,
    /// The whole environment of the program. At most [`MAX_VARIABLES`].
    #[serde(deserialize_with = "bounded::map::<_, _, MAX_VARIABLES>")]
    pub env: BTreeMap<String, String>,
    /// File of the guest's tree that is its standard input. Default: none, standard input is empty.
    pub stdin: Option<String>,
    /// Inputs by the absolute guest path at which they are seen. The value is what they must be: `h1:…` of a
    /// directory, a CID of a file. `None`: whatever is there; the receipt's copy of the job says what it was.
    #[serde(deserialize_with = "bounded::map::<_, _, MAX_ARGUMENTS>")]
    pub inputs: BTreeMap<String, Option<String>>,
    /// Outputs: name of the folder in the results directory, and the absolute guest path of the directory that is
    /// kept. Default: `outputs` at `/outputs`.
    #[serde(deserialize_with = "bounded::map::<_, _, MAX_VARIABLES>")]
    pub outputs: BTreeMap<String, String>,
    /// Seed of the guest's random numbers. Default 0.
    pub seed: u64,
    /// Where the guest's clock starts, in seconds since 1970. Default [`DEFAULT_EPOCH_SECONDS`].
    pub epoch_seconds: u64,
    /// What the run may use.
    pub limits: Limits,
}

impl Job {
    /// A job that runs `_start` of `module` with the defaults: no arguments, no inputs, `/outputs` kept.
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

    /// The output of a job that does not say which: its name, and its place.
    pub fn default_output() -> (String, String) {
        ("outputs".into(), "/outputs".into())
    }

    /// The canonical DAG-CBOR of the job, whose CID names it.
    ///
    /// # Errors
    /// Refuses a job with an input whose content is not known yet: it would name nothing.
    pub fn to_dag_cbor(&self) -> Result<Vec<u8>, Refusal> {
        if let Some((path, _)) = self.inputs.iter().find(|(_, content)| content.is_none()) {
            return Err(Refusal::job(format!("input {path} has no content hash yet, so the job has no CID")));
        }
        serde_ipld_dagcbor::to_vec(self).map_err(|error| Refusal::job(format!("the job cannot be encoded: {error}")))
    }

    /// The CID of [`Job::to_dag_cbor`].
    ///
    /// # Errors
    /// As for `to_dag_cbor`.
    pub fn cid(&self) -> Result<Link, Refusal> {
        self.to_dag_cbor().map(|bytes| Link::of_dag_cbor(&bytes))
    }

    /// The job with what its inputs were, in the order of their places.
    ///
    /// # Errors
    /// Refuses inputs that are not what the job says, where it says so.
    pub fn with_identities(&self, found: Vec<String>) -> Result<Self, Refusal> {
        let mut job = self.clone();
        for ((place, wanted), found) in job.inputs.iter_mut().zip(found) {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != found) {
                return Err(Refusal::job(format!("the input at {place} is {found}, but the job is over {wanted}")));
            }
            *wanted = Some(found);
        }
        Ok(job)
    }

    /// Says what of the job no machine could run: names, paths and limits that make no sense.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.profile != Profile::V1.id() {
            return Err(Refusal::job(format!(
                "the job is under profile {}; this version runs {} ({})",
                self.profile,
                Profile::V1.id(),
                Profile::V1.name
            )));
        }
        self.limits.check().map_err(Refusal::job)?;
        self.check_names()
    }

    /// Says what of the job's arguments, environment and places makes no sense, whatever runs it.
    ///
    /// # Errors
    /// A refusal that names the first.
    pub fn check_names(&self) -> Result<(), Refusal> {
        self.check_counts()?;
        self.check_strings()?;
        self.check_places()
    }

    /// What is bounded where a job is read is bounded before it is written.
    fn check_counts(&self) -> Result<(), Refusal> {
        let counts = [
            ("arguments", self.args.len(), MAX_ARGUMENTS),
            ("environment variables", self.env.len(), MAX_VARIABLES),
            ("inputs", self.inputs.len(), MAX_ARGUMENTS),
            ("outputs", self.outputs.len(), MAX_VARIABLES),
        ];
        match counts.into_iter().find(|(_, count, most)| count > most) {
            Some((what, count, most)) => Err(Refusal::job(format!(
                "the job has {count} {what}, and {most} are allowed: put long lists into an input"
            ))),
            None => Ok(()),
        }
    }

    fn check_strings(&self) -> Result<(), Refusal> {
        for (key, value) in &self.env {
            if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
                return Err(Refusal::job(format!(
                    "environment variable {key:?} has an empty name, or a `=` or NUL where none can be"
                )));
            }
        }
        match self.args.iter().find(|arg| arg.contains('\0')) {
            Some(arg) => Err(Refusal::job(format!("argument {arg:?} has a NUL byte in it"))),
            None => Ok(()),
        }
    }

    /// Inputs and outputs must be absolute, plain, and must not lie in each other.
    fn check_places(&self) -> Result<(), Refusal> {
        for name in self.outputs.keys() {
            if path::check_name(name.as_bytes()).is_err() || ["stdout", "stderr", "exitCode"].contains(&name.as_str()) {
                return Err(Refusal::job(format!(
                    "output name {name:?} is not usable: it becomes a folder of the results directory, beside stdout, \
                     stderr and exitCode"
                )));
            }
        }
        for place in self.inputs.keys().chain(self.outputs.values()) {
            path::check_place(place).map_err(Refusal::job)?;
            let (names, most) = (place.matches('/').count(), self.limits.path_depth);
            if names as u64 > most {
                return Err(Refusal::job(format!(
                    "{place} lies {names} directories deep; the job's limit path_depth is {most}: raise it with --path-depth"
                )));
            }
        }
        // In this order, what lies in a place comes right after it.
        let mut places: Vec<&String> = self.inputs.keys().chain(self.outputs.values()).collect();
        places.sort_by(|a, b| a.split('/').cmp(b.split('/')));
        if let Some([place, other]) = places.array_windows().find(|[place, other]| path::overlap(place, other)) {
            return Err(Refusal::job(format!("{place} and {other} overlap: give each input and output its own place")));
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
        assert!(refusal.contains("/x/y/z/a lies 4 directories deep") && refusal.contains("--path-depth"), "{refusal}");
        job.limits.path_depth = 257;
        let refusal = job.check().unwrap_err().to_string();
        assert!(refusal.contains("path_depth is 257; at most 256"), "{refusal}");
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
