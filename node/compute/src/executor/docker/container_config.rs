//! Isolation of a container: mounts, user, network and limits. The engine's defaults would allow network access, writes
//! to the image, and use of the whole machine.

use std::collections::BTreeSet;
use std::path::Path;

use bacalhau_tree::HostFailure;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountBindOptions, MountTmpfsOptions,
    MountType, ResourcesUlimits,
};

use super::Container;
use super::engine::Docker;
use super::inputs::Shown;
use bacalhau_job::{Resources, container_memory};

/// Maximum threads and processes.
const MOST_PROCESSES: i64 = 1024;
/// Fixed host name; the default differs in each container.
const HOST_NAME: &str = "bacalhau";
/// Sticky and world-writable, as usual.
const TMP_MODE: i64 = 0o1777;

/// The engine's configuration of the container. `outputs` contains the output folders; `volumes` are the image's
/// volumes, which must be writable.
pub(super) fn body(
    docker: &Docker,
    container: &Container<'_>,
    shown: &[Shown],
    outputs: &Path,
    volumes: &[String],
) -> Result<ContainerCreateBody, HostFailure> {
    let Container { name, spec, job, resources, .. } = container;
    let memory = signed(container_memory(resources));
    let some = |words: &[String]| Some(words.to_vec()).filter(|words| !words.is_empty());
    Ok(ContainerCreateBody {
        image: Some(spec.image.clone()),
        entrypoint: some(&spec.entrypoint),
        cmd: some(&spec.args),
        env: Some(spec.env.iter().map(|(key, value)| format!("{key}={value}")).collect()),
        working_dir: spec.workdir.clone(),
        user: Some(docker.user.ids.clone()),
        hostname: Some(HOST_NAME.into()),
        labels: Some(docker.owner.labels(name)),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        network_disabled: Some(true),
        // Health checks of the image are not part of the job.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }),
        host_config: Some(HostConfig {
            network_mode: Some("none".into()),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".into()]),
            security_opt: Some(vec!["no-new-privileges".into()]),
            ipc_mode: Some("private".into()),
            userns_mode: docker.user.keep.then(|| "host".into()),
            memory: Some(memory),
            // Limits memory and swap together, which disables swap.
            memory_swap: Some(memory),
            nano_cpus: Some(nano_cpus(docker.cpus, resources)),
            pids_limit: Some(MOST_PROCESSES),
            ulimits: Some(vec![ResourcesUlimits { name: Some("core".into()), soft: Some(0), hard: Some(0) }]),
            // Output is streamed to us; the engine's own log would be unbounded.
            log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
            mounts: Some(mounts(shown, &job.outputs, outputs, volumes, memory)?),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    })
}

fn mounts(
    shown: &[Shown],
    kept: &std::collections::BTreeMap<String, String>,
    outputs: &Path,
    volumes: &[String],
    memory: i64,
) -> Result<Vec<Mount>, HostFailure> {
    let mut mounts: Vec<Mount> = shown.iter().map(|input| bind(&input.path, &input.target, true)).collect();
    for (name, target) in kept {
        let path = outputs.join(name);
        let text = path.to_str();
        let text = text
            .ok_or_else(|| HostFailure::new(format!("container engines do not accept the path {}", path.display())))?;
        mounts.push(bind(text, target, false));
    }
    // A bounded tmpfs. A volume would be an unbounded host directory.
    let taken: BTreeSet<String> = mounts.iter().filter_map(|mount| mount.target.clone()).collect();
    let scratch = volumes.iter().map(String::as_str).chain(["/tmp"]).map(|path| path.trim_end_matches('/'));
    for path in scratch.filter(|path| !path.is_empty() && !taken.contains(*path)).collect::<BTreeSet<_>>() {
        mounts.push(Mount {
            typ: Some(MountType::TMPFS),
            target: Some(path.into()),
            tmpfs_options: Some(MountTmpfsOptions { size_bytes: Some(memory), mode: Some(TMP_MODE), options: None }),
            ..Mount::default()
        });
    }
    Ok(mounts)
}

fn bind(path: &str, target: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(path.into()),
        target: Some(target.into()),
        read_only: Some(read_only),
        bind_options: Some(MountBindOptions { non_recursive: Some(true), ..MountBindOptions::default() }),
        ..Mount::default()
    }
}

/// Billionths of a core, limited to the `cpus` of the engine, which rejects more.
fn nano_cpus(cpus: i64, resources: &Resources) -> i64 {
    let millis = if resources.cpu_millis == 0 { 1000 } else { resources.cpu_millis };
    signed(millis.saturating_mul(1_000_000)).min(cpus.saturating_mul(1_000_000_000))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
