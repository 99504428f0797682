//! The manifest of a job.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bacalhau_cluster::Submission;
use bacalhau_job::ExecutionId;
use bacalhau_tree::HostFailure;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, EnvVar, EnvVarSource, ObjectFieldSelector,
    PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements,
    SeccompProfile, SecurityContext, Volume as PodVolume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Label with the name of the front node.
const NODE_LABEL: &str = "bacalhau.org/node";
/// Annotation with the id of the execution.
pub(super) const EXECUTION: &str = "bacalhau.org/execution";
/// Name of the container.
pub(super) const CONTAINER: &str = "worker";
/// How long ended jobs are kept, in seconds.
const KEPT_SECONDS: i32 = 600;
/// What Kubernetes gives a job beyond the timeout of its execution, which the worker applies.
const MARGIN: Duration = Duration::from_mins(2);
/// Exit code of a container that was killed, as for lack of memory. A repetition would end in the same way.
const KILLED: i32 = 137;

/// The pod of a worker.
#[derive(Clone, Debug)]
pub struct WorkerPod {
    /// The image. Its entry point is `bacalhau`, unless `program` is set.
    pub image: String,
    /// The program in the image.
    pub program: Option<PathBuf>,
    /// The shared directory.
    pub shared: Volume,
    /// Further volumes, which are read only.
    pub data: Vec<Volume>,
    /// Service account. Default: that of the namespace. Its token is not mounted.
    pub service_account: Option<String>,
    /// Attempts after the first one.
    pub retries: u32,
    /// User and group of the workers: those of the front node, whose files are private.
    pub user: (u32, u32),
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Name of the persistent volume claim.
    pub claim: String,
    /// Where it is mounted.
    pub path: PathBuf,
}

/// The name of the job of an execution.
pub(super) fn name(execution: ExecutionId) -> String {
    let ExecutionId { job, shard, number } = execution;
    format!("bacalhau-{job}-{shard}-{number}")
}

/// Selects the jobs and pods of a node.
pub(super) fn selector(node: &str) -> String {
    format!("{NODE_LABEL}={node}")
}

/// Whether a job is of the node.
pub(super) fn is_of(job: &Job, node: &str) -> bool {
    job.metadata.labels.as_ref().and_then(|labels| labels.get(NODE_LABEL)).is_some_and(|label| label == node)
}

/// The job of a submission.
///
/// # Errors
/// When a path is not UTF-8.
pub(super) fn job(pod: &WorkerPod, node: &str, submission: &Submission) -> Result<Job, HostFailure> {
    let labels: BTreeMap<String, String> =
        [("app.kubernetes.io/name", "bacalhau"), ("app.kubernetes.io/component", "worker"), (NODE_LABEL, node)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
    let annotations = BTreeMap::from([(EXECUTION.to_owned(), submission.execution.to_string())]);
    let metadata = ObjectMeta {
        name: Some(name(submission.execution)),
        labels: Some(labels.clone()),
        annotations: Some(annotations.clone()),
        ..ObjectMeta::default()
    };
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() }),
        spec: Some(pod_spec(pod, submission)?),
    };
    let seconds = submission.timeout.saturating_add(MARGIN).as_secs();
    let spec = JobSpec {
        backoff_limit: Some(i32::try_from(pod.retries).unwrap_or(i32::MAX)),
        active_deadline_seconds: Some(i64::try_from(seconds).unwrap_or(i64::MAX)),
        ttl_seconds_after_finished: Some(KEPT_SECONDS),
        pod_failure_policy: Some(failure_policy()),
        template,
        ..JobSpec::default()
    };
    Ok(Job { metadata, spec: Some(spec), status: None })
}

/// Evictions and lost machines do not count as attempts; a worker that was killed for lack of memory is not repeated.
fn failure_policy() -> PodFailurePolicy {
    let disrupted = PodFailurePolicyOnPodConditionsPattern { type_: "DisruptionTarget".into(), status: "True".into() };
    let killed = PodFailurePolicyOnExitCodesRequirement {
        container_name: Some(CONTAINER.into()),
        operator: "In".into(),
        values: vec![KILLED],
    };
    let rules = vec![
        PodFailurePolicyRule {
            action: "Ignore".into(),
            on_pod_conditions: Some(vec![disrupted]),
            ..PodFailurePolicyRule::default()
        },
        PodFailurePolicyRule {
            action: "FailJob".into(),
            on_exit_codes: Some(killed),
            ..PodFailurePolicyRule::default()
        },
    ];
    PodFailurePolicy { rules }
}

fn pod_spec(pod: &WorkerPod, submission: &Submission) -> Result<PodSpec, HostFailure> {
    let (user, group) = pod.user;
    let mut volumes = vec![temporary()];
    let mut mounts = vec![mount("tmp", "/tmp", false)];
    for (number, (volume, read_only)) in
        std::iter::once((&pod.shared, false)).chain(pod.data.iter().map(|volume| (volume, true))).enumerate()
    {
        let name = format!("volume-{number}");
        mounts.push(mount(&name, text(&volume.path)?, read_only));
        let claim = PersistentVolumeClaimVolumeSource { claim_name: volume.claim.clone(), read_only: Some(read_only) };
        volumes.push(PodVolume { name, persistent_volume_claim: Some(claim), ..PodVolume::default() });
    }
    let node_name = EnvVarSource {
        field_ref: Some(ObjectFieldSelector { field_path: "spec.nodeName".into(), ..ObjectFieldSelector::default() }),
        ..EnvVarSource::default()
    };
    let container = Container {
        name: CONTAINER.into(),
        image: Some(pod.image.clone()),
        command: pod.program.as_deref().map(text).transpose()?.map(|program| vec![program.to_owned()]),
        args: Some(["execute", "--worker", "$(NODE_NAME)", text(&submission.dir)?].map(str::to_owned).into()),
        env: Some(vec![EnvVar { name: "NODE_NAME".into(), value_from: Some(node_name), ..EnvVar::default() }]),
        resources: Some(resources(submission)),
        volume_mounts: Some(mounts),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
            read_only_root_filesystem: Some(true),
            ..SecurityContext::default()
        }),
        ..Container::default()
    };
    Ok(PodSpec {
        containers: vec![container],
        volumes: Some(volumes),
        restart_policy: Some("Never".into()),
        service_account_name: pod.service_account.clone(),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_user: Some(user.into()),
            run_as_group: Some(group.into()),
            run_as_non_root: Some(user != 0),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..SeccompProfile::default() }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    })
}

/// Requests and limits are equal, so that a worker has what its job was bid with, and no more.
fn resources(submission: &Submission) -> ResourceRequirements {
    let amounts = BTreeMap::from([
        ("cpu".to_owned(), Quantity(format!("{}m", submission.cpu_millis.max(1)))),
        ("memory".to_owned(), Quantity(submission.memory_bytes.to_string())),
    ]);
    ResourceRequirements { requests: Some(amounts.clone()), limits: Some(amounts), ..ResourceRequirements::default() }
}

fn temporary() -> PodVolume {
    PodVolume { name: "tmp".into(), empty_dir: Some(EmptyDirVolumeSource::default()), ..PodVolume::default() }
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount { name: name.into(), mount_path: path.into(), read_only: Some(read_only), ..VolumeMount::default() }
}

fn text(path: &Path) -> Result<&str, HostFailure> {
    path.to_str().ok_or_else(|| HostFailure::new(format!("the path {} is not UTF-8 text", path.display())))
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    /// A job that is checked against the schema of Kubernetes, too: see `node/dist/chart/check.py`.
    const JOB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/job.json");

    #[test]
    fn the_job_is_the_one_that_was_checked_against_the_schema() {
        let volume = |claim: &str, path: &str| Volume { claim: claim.into(), path: path.into() };
        let pod = WorkerPod {
            image: "registry.example/bacalhau:1".into(),
            program: Some("/bacalhau".into()),
            shared: volume("shared", "/shared"),
            data: vec![volume("sectors", "/var/lib/data")],
            service_account: Some("front-worker".into()),
            retries: 2,
            user: (10_001, 10_001),
        };
        let submission = Submission {
            execution: format!("{}:0:1", "a".repeat(32)).parse().unwrap(),
            dir: "/shared/nodes/e".into(),
            cpu_millis: 1000,
            memory_bytes: 1 << 30,
            disk_bytes: 1,
            timeout: Duration::from_mins(30),
        };
        let made = job(&pod, "PNNVaKTBrDDSnFqW", &submission).unwrap();
        let made = serde_json::to_string_pretty(&made).unwrap() + "\n";
        if env::var_os("BLESS").is_some() {
            std::fs::write(JOB, &made).unwrap();
        }
        assert_eq!(made, std::fs::read_to_string(JOB).unwrap(), "look at the change with BLESS=1 and git diff");
    }
}
