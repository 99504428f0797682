//! How a container is held: what it is shown, and what it is kept from. By the engine's defaults it could reach a network,
//! write to its image, and take all of the machine.

use std::collections::BTreeSet;
use std::path::Path;

use bacalhau_runtime::HostFailure;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountBindOptions, MountTmpfsOptions,
    MountType, ResourcesUlimits,
};

use super::Container;
use super::engine::Docker;
use super::inputs::Shown;
use crate::job::{Resources, container_memory};

/// Threads and processes at once: enough for what is not after the machine.
const MOST_PROCESSES: i64 = 1024;
/// What the program's host is called: by default it would be another name each time.
const HOST_NAME: &str = "bacalhau";
/// Everybody may write there, as everywhere.
const TMP_MODE: i64 = 0o1777;

/// What the engine is told to make. `outputs` is where the folders of the outputs are, `volumes` what the image wants to be
/// writable.
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
        // What an image would like to have run beside is no part of the job.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }),
        host_config: Some(HostConfig {
            network_mode: Some("none".into()),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".into()]),
            security_opt: Some(vec!["no-new-privileges".into()]),
            ipc_mode: Some("private".into()),
            userns_mode: docker.user.keep.then(|| "host".into()),
            memory: Some(memory),
            // Memory and swap together: so there is none.
            memory_swap: Some(memory),
            nano_cpus: Some(nano_cpus(docker.cpus, resources)),
            pids_limit: Some(MOST_PROCESSES),
            ulimits: Some(vec![ResourcesUlimits { name: Some("core".into()), soft: Some(0), hard: Some(0) }]),
            // What it says is streamed to us; the engine would keep it without a bound.
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
        let text = text.ok_or_else(|| HostFailure::new(format!("no engine takes the path {}", path.display())))?;
        mounts.push(bind(text, target, false));
    }
    // In memory, which is bounded. A volume would be a directory of the host's that is not.
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

/// Billionths of a core. An engine with `cpus` of them takes no more, and more would change nothing.
fn nano_cpus(cpus: i64, resources: &Resources) -> i64 {
    let millis = if resources.cpu_millis == 0 { 1000 } else { resources.cpu_millis };
    signed(millis.saturating_mul(1_000_000)).min(cpus.saturating_mul(1_000_000_000))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
