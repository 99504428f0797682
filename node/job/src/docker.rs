//! A container program as plain data: image, command and outputs. `compute` runs it.

use std::collections::BTreeMap;

use bacalhau_receipt::{Job, Limits, MAX_ARGUMENTS, MAX_VARIABLES, bounded};
use bacalhau_tree::{Link, MAX_PATH_DEPTH};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InputSpec, Resources, SpecError};

/// Default memory of a container: 1 GiB.
pub const CONTAINER_MEMORY_BYTES: u64 = 1 << 30;

/// Places of every container that are the kernel's.
const KERNELS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The profile of containers: the CID of this text. Nodes with an engine announce it.
pub fn docker_profile() -> Link {
    Link::of_raw(
        b"bacalhau docker 1: an image by digest; no network; nothing to read but the image and the inputs; nothing to write \
          but the outputs and /tmp; no capabilities; its host is called bacalhau; code 152 where a limit ends it, and then \
          no outputs; that it is deterministic is the user's claim\n",
    )
}

/// A program in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DockerSpec {
    /// The image by digest: `NAME@sha256:…`, or `sha256:…` for one that must be imported on the engines. Tags are
    /// rejected, because they may differ between nodes.
    pub image: String,
    /// Program that replaces the image's entry point. Default: the image's own.
    #[serde(default, deserialize_with = "bounded::list::<_, _, MAX_ARGUMENTS>", skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Arguments, in place of the image's own.
    #[serde(default, deserialize_with = "bounded::list::<_, _, MAX_ARGUMENTS>", skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Variables of the environment, beside the image's own.
    #[serde(
        default,
        deserialize_with = "bounded::map::<_, _, MAX_VARIABLES>",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub env: BTreeMap<String, String>,
    /// The absolute directory in which it starts. Default: the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// Directories that are kept, by the name of their folder in the results: absolute paths in the container.
    #[serde(
        default,
        deserialize_with = "bounded::map::<_, _, MAX_VARIABLES>",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub outputs: BTreeMap<String, String>,
    /// How much it may write.
    #[serde(default)]
    pub limits: ContainerLimits,
}

/// Limits on what a container writes. Defaults are those of the sandbox; exceeding one ends it with code 152.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContainerLimits {
    /// Bytes of standard output and standard error together. Default 64 MiB.
    pub log_bytes: u64,
    /// Bytes in all files of the outputs. Default 1 GiB.
    pub output_bytes: u64,
    /// Files, directories and links in the outputs. Default 100,000.
    pub output_files: u64,
}

impl Default for ContainerLimits {
    fn default() -> Self {
        let Limits { log_bytes, output_bytes, output_files, .. } = Limits::default();
        Self { log_bytes, output_bytes, output_files }
    }
}

impl DockerSpec {
    /// The image with its defaults; only its output streams are kept.
    pub fn of(image: String) -> Self {
        let (entrypoint, args, env, outputs, limits) = Default::default();
        Self { image, entrypoint, args, env, workdir: None, outputs, limits }
    }

    /// Whether the image cannot be pulled, so that engines must have imported it.
    pub fn is_local(&self) -> bool {
        self.image.starts_with("sha256:")
    }

    /// The CID of the spec, which receipts contain.
    pub fn cid(&self) -> Link {
        Link::of_dag_cbor(&super::to_dag_cbor(self))
    }

    /// The claimed job in terms of the sandbox: the CID of this spec in place of a module's, and no fuel. Memory is
    /// that of `resources`. Inputs are at `targets`; their content is determined later.
    pub fn job<'a>(&self, targets: impl IntoIterator<Item = &'a str>, resources: &Resources) -> Job {
        let ContainerLimits { log_bytes, output_bytes, output_files } = self.limits;
        let mut job = Job::new(self.cid());
        job.profile = docker_profile();
        job.entry_point = String::new();
        job.args.clone_from(&self.args);
        job.env.clone_from(&self.env);
        job.inputs = targets.into_iter().map(|target| (target.into(), None)).collect();
        job.outputs.clone_from(&self.outputs);
        job.epoch_seconds = 0;
        let limits = &mut job.limits;
        limits.fuel = 0;
        limits.table_elements = 0;
        limits.stack_bytes = 0;
        limits.open_files = 0;
        limits.module_bytes = 0;
        limits.memory_bytes = container_memory(resources);
        limits.log_bytes = log_bytes;
        limits.output_bytes = output_bytes;
        limits.output_files = output_files;
        limits.path_depth = MAX_PATH_DEPTH;
        job
    }

    /// Validates the spec with `inputs`.
    ///
    /// # Errors
    /// The invalid value, and what to write instead.
    pub fn check(&self, inputs: &[InputSpec]) -> Result<(), SpecError> {
        if !is_fixed(&self.image) {
            return Err(SpecError(format!(
                "engine.docker.image is {}: name it by digest, as in busybox@sha256:…, so that all nodes run the same \
                 image",
                self.image
            )));
        }
        if let Some(dir) = self.workdir.as_ref().filter(|dir| !dir.starts_with('/') || dir.contains('\0')) {
            return Err(SpecError(format!("engine.docker.workdir {dir:?} is not an absolute path")));
        }
        if let Some(word) = self.entrypoint.iter().find(|word| word.contains('\0')) {
            return Err(SpecError(format!("engine.docker.entrypoint {word:?} has a NUL byte in it")));
        }
        let job = self.job(inputs.iter().map(|input| input.target.as_str()), &Resources::default());
        job.check_names().map_err(|refusal| SpecError(refusal.to_string()))?;
        let below = |place: &str, dir: &str| {
            place.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let kernels = |place: &&String| KERNELS.iter().any(|dir| below(place, dir));
        match job.inputs.keys().chain(job.outputs.values()).find(kernels) {
            Some(place) => Err(SpecError(format!("{place} is the kernel's in every container: name another place"))),
            None => Ok(()),
        }
    }
}

/// Whether `image` is a valid name and digest, or a digest. The name becomes part of a path of the engine's API, so
/// other characters are not allowed.
fn is_fixed(image: &str) -> bool {
    let (name, digest) = image.rsplit_once('@').unwrap_or(("", image));
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
    };
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (!image.contains('@') || name.split('/').all(plain))
}

/// Memory of a container to which a job gives `resources`, in bytes.
pub fn container_memory(resources: &Resources) -> u64 {
    if resources.memory_bytes == 0 { CONTAINER_MEMORY_BYTES } else { resources.memory_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(image: &str) -> DockerSpec {
        DockerSpec::of(image.replace('#', &"0".repeat(64)))
    }

    #[test]
    fn an_image_is_named_by_what_it_is() {
        for good in ["busybox@sha256:#", "sha256:#", "localhost:5000/a/b@sha256:#"] {
            assert_eq!(spec(good).check(&[]), Ok(()), "{good}");
        }
        let odd = [
            "../x@sha256:#",
            "a//b@sha256:#",
            "a?b@sha256:#",
            "a b@sha256:#",
            "@sha256:#",
            "a@b@sha256:#",
            "ü@sha256:#",
        ];
        let not_fixed = ["busybox", "busybox:1", "busybox@sha256:12", "busyboxsha256:#", "", "busybox@md5:#"];
        for bad in odd.into_iter().chain(not_fixed) {
            assert!(spec(bad).check(&[]).unwrap_err().to_string().contains("by digest"), "{bad}");
        }
    }

    #[test]
    fn places_and_words_that_make_no_sense_are_refused() {
        type Change = fn(&mut DockerSpec);
        let changes: [(Change, &str); 7] = [
            (|spec| spec.workdir = Some("a".into()), "workdir"),
            (|spec| spec.entrypoint = vec!["a\0".into()], "NUL"),
            (|spec| spec.args = vec!["a\0".into()], "NUL"),
            (|spec| drop(spec.env.insert("a=b".into(), String::new())), "environment"),
            (|spec| drop(spec.outputs.insert("stdout".into(), "/a".into())), "not usable"),
            (|spec| drop(spec.outputs.insert("a".into(), "/proc/self".into())), "kernel's"),
            (|spec| drop(spec.outputs.insert("a".into(), "/in/a".into())), "overlap"),
        ];
        for (change, words) in changes {
            let mut spec = spec("sha256:#");
            change(&mut spec);
            let input = InputSpec { source: "data:,x".into(), target: "/in".into() };
            let error = spec.check(&[input]).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn everything_that_a_result_is_a_function_of_changes_the_job() {
        type Change = fn(&mut DockerSpec);
        let changes: [Change; 6] = [
            |spec| spec.image.push('0'),
            |spec| spec.entrypoint.push("a".into()),
            |spec| spec.args.push("a".into()),
            |spec| drop(spec.env.insert("a".into(), "b".into())),
            |spec| spec.workdir = Some("/".into()),
            |spec| spec.limits.log_bytes = 1,
        ];
        let job = |spec: &DockerSpec| spec.job([], &Resources::default());
        for change in changes {
            let mut other = spec("sha256:#");
            change(&mut other);
            assert_ne!(job(&other).cid(), job(&spec("sha256:#")).cid());
        }
        let more = Resources { memory_bytes: 2 << 30, ..Resources::default() };
        assert_ne!(spec("sha256:#").job([], &more).cid(), job(&spec("sha256:#")).cid());
        assert_eq!(job(&spec("sha256:#")).limits.memory_bytes, CONTAINER_MEMORY_BYTES);
    }
}
