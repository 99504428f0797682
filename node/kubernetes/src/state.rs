//! The state of jobs, from their conditions and their pods.

use std::collections::BTreeMap;

use bacalhau_cluster::{ClusterJob, Phase};
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::Pod;

use super::manifest::{CONTAINER, EXECUTION};

/// Label of pods with the name of their job.
const JOB_LABEL: &str = "batch.kubernetes.io/job-name";
/// Maximum length of a quoted message.
const MAX_MESSAGE_CHARS: usize = 300;

/// Reasons of a container that is about to start.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// The jobs with their states. Jobs without an execution are not of this node, and deleted ones count as absent.
pub(super) fn jobs(jobs: &[Job], pods: &[Pod]) -> Vec<ClusterJob> {
    let mut by_job: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
    for pod in pods {
        if let Some(job) = pod.metadata.labels.as_ref().and_then(|labels| labels.get(JOB_LABEL)) {
            by_job.entry(job).or_default().push(pod);
        }
    }
    let known = jobs.iter().filter(|job| job.metadata.deletion_timestamp.is_none());
    known
        .filter_map(|job| {
            let id = job.metadata.name.clone()?;
            let execution = job.metadata.annotations.as_ref()?.get(EXECUTION)?.parse().ok()?;
            let pods = by_job.get(id.as_str()).map_or(&[][..], Vec::as_slice);
            Some(ClusterJob { phase: phase(job, pods), id, execution })
        })
        .collect()
}

/// Whether a job has ended.
pub(super) fn is_over(job: &Job) -> bool {
    !phase(job, &[]).is_alive()
}

fn phase(job: &Job, pods: &[&Pod]) -> Phase {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let met = |kind: &str| conditions.iter().find(|it| it.type_ == kind && it.status == "True");
    if met("Complete").is_some() {
        return Phase::Ended;
    }
    if let Some(failed) = met("Failed") {
        return Phase::Failed(why(failed, pods));
    }
    let runs = |pod: &&Pod| pod.status.as_ref().and_then(|it| it.phase.as_deref()) == Some("Running");
    if pods.iter().any(runs) {
        return Phase::Running;
    }
    pods.iter().find_map(|pod| stuck(pod)).map_or(Phase::Pending, Phase::Stuck)
}

/// Why the worker of a pod cannot be started: its image cannot be pulled, or what it refers to is missing.
fn stuck(pod: &Pod) -> Option<String> {
    let containers = pod.status.as_ref()?.container_statuses.as_deref().unwrap_or_default();
    let waiting = containers.iter().find_map(|container| container.state.as_ref()?.waiting.as_ref())?;
    let reason = waiting.reason.as_deref().filter(|reason| !STARTING.contains(reason))?;
    let text = match waiting.message.as_deref() {
        None | Some("") => reason.to_owned(),
        Some(message) => format!("{reason}: {message}"),
    };
    Some(text.chars().take(MAX_MESSAGE_CHARS).collect())
}

fn why(failed: &JobCondition, pods: &[&Pod]) -> String {
    let mut text = failed.reason.clone().unwrap_or_else(|| "Failed".into());
    if let Some(message) = &failed.message {
        text = format!("{text}: {message}");
    }
    let created = |pod: &&&Pod| pod.metadata.creation_timestamp.clone();
    if let Some(end) = pods.iter().max_by_key(created).and_then(|pod| end(pod)) {
        text = format!("{text}; its pod: {end}");
    }
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}

/// How a pod has ended, as its node says: `Evicted`, `OOMKilled (exit code 137)`.
fn end(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    if let Some(reason) = &status.reason {
        let message = status.message.as_deref().unwrap_or_default();
        return Some(if message.is_empty() { reason.clone() } else { format!("{reason} ({message})") });
    }
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let worker = containers.iter().find(|container| container.name == CONTAINER)?;
    let terminated = worker.state.as_ref()?.terminated.as_ref()?;
    let reason = terminated.reason.as_deref().unwrap_or("ended");
    Some(format!("{reason} (exit code {})", terminated.exit_code))
}
