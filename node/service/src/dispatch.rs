//! The dispatcher of a node, from its configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use bacalhau_tree::HostFailure;
use libp2p::PeerId;

use crate::ServiceError;
use crate::config::{Config, Dispatch};
use crate::worker;
use bacalhau_cluster::{Cluster, Dispatcher, Slurm, SlurmConfig};
use bacalhau_compute::{DispatchConfig, WorkerSettings};
use bacalhau_files::private;
use bacalhau_job::ExecutionId;

/// Characters of the peer id in names of jobs and directories.
const NAME_CHARS: usize = 16;

/// The dispatcher of the node `me`, which continues `needed` executions; `None` if executions run on this machine.
///
/// # Errors
/// When the shared directory cannot be used.
pub(crate) fn dispatcher(
    config: &Config,
    me: &PeerId,
    needed: BTreeSet<ExecutionId>,
) -> Result<Option<DispatchConfig>, ServiceError> {
    let Some(dir) = dir(config, me) else { return Ok(None) };
    private_dir(&dir)?;
    let cluster = cluster(config, me)?;
    let settings = settings(config, &dir);
    let direct = Arc::new(worker::sources(&settings, &dir.join("front"))?);
    let name = cluster.name();
    let dispatcher = Dispatcher::start(cluster, dir.join("executions"), config.cluster.poll.0, needed)?;
    tracing::info!("executions are dispatched to {name}, through {}", dir.display());
    let overhead_bytes = config.cluster.overhead.0;
    Ok(Some(DispatchConfig { dispatcher, direct, settings, overhead_bytes }))
}

/// Makes the directory, or checks that no other user can write there and forge results.
fn private_dir(dir: &Path) -> Result<(), HostFailure> {
    private::create_dir_all(dir).map_err(|error| HostFailure::at("make the directory", dir, error))?;
    let metadata = fs::symlink_metadata(dir).map_err(|error| HostFailure::at("look at", dir, error))?;
    if !metadata.is_dir() || !private::is_own(&metadata) {
        return Err(HostFailure::new(format!(
            "the directory {} does not belong to the user of this node, who could not trust what is in it: remove it, or \
             set another cluster.dir",
            dir.display()
        )));
    }
    private::tighten(dir).map(drop).map_err(|error| HostFailure::at("make private", dir, error))
}

/// Asks the scheduler that `config` names for its jobs. Returns its name.
///
/// # Errors
/// Why it does not answer.
pub(crate) fn check(config: &Config) -> Result<&'static str, String> {
    // The jobs of no node.
    let cluster = cluster(config, &PeerId::random()).map_err(|error| error.to_string())?;
    cluster.list().map_err(|error| error.to_string())?;
    Ok(cluster.name())
}

/// The directory of the node `me` in the shared one; `None` if executions run on this machine.
pub(crate) fn dir(config: &Config, me: &PeerId) -> Option<PathBuf> {
    let dispatches = config.compute.enabled && config.dispatches();
    config.cluster.dir.as_ref().filter(|_| dispatches).map(|dir| dir.join(short(me)))
}

/// The end of a peer id, which differs between nodes.
fn short(me: &PeerId) -> String {
    let text = me.to_string();
    text[text.len().saturating_sub(NAME_CHARS)..].to_owned()
}

fn cluster(config: &Config, me: &PeerId) -> Result<Arc<dyn Cluster>, ServiceError> {
    match config.compute.dispatcher {
        Dispatch::Local | Dispatch::Slurm => {
            let own = || env::current_exe().map_err(|error| HostFailure::io("find the program for workers", error));
            Ok(Arc::new(Slurm::new(SlurmConfig {
                bin_dir: config.slurm.bin_dir.clone(),
                partition: config.slurm.partition.clone(),
                options: config.slurm.options.clone(),
                program: config.cluster.program.clone().map_or_else(own, Ok)?,
                name: format!("bacalhau-{}", short(me)),
            })))
        }
        Dispatch::Kubernetes => kubernetes(config, me),
    }
}

#[cfg(feature = "kubernetes")]
fn kubernetes(config: &Config, me: &PeerId) -> Result<Arc<dyn Cluster>, ServiceError> {
    use bacalhau_kubernetes::{Kubernetes, KubernetesConfig, Volume, WorkerPod};
    let settings = &config.kubernetes;
    let volume = |it: &crate::config::Claim| Volume { claim: it.claim.clone(), path: it.path.clone() };
    let (Some(image), Some(shared)) = (settings.image.clone(), settings.shared.as_ref().map(volume)) else {
        return Err(HostFailure::new("kubernetes.image or kubernetes.shared is not set").into());
    };
    let user = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let connected = Kubernetes::connect(KubernetesConfig {
        kubeconfig: settings.kubeconfig.clone(),
        namespace: settings.namespace.clone(),
        node: short(me),
        pod: WorkerPod {
            image,
            program: config.cluster.program.clone(),
            shared,
            data: settings.data.iter().map(volume).collect(),
            service_account: settings.service_account.clone(),
            retries: settings.retries,
            user,
        },
    });
    Ok(Arc::new(connected?))
}

#[cfg(not(feature = "kubernetes"))]
fn kubernetes(_: &Config, _: &PeerId) -> Result<Arc<dyn Cluster>, ServiceError> {
    let why = "this program was built without Kubernetes: build it with `cargo build --release --features kubernetes`, or set \
               compute.dispatcher to local or slurm";
    Err(HostFailure::new(why).into())
}

fn settings(config: &Config, dir: &Path) -> WorkerSettings {
    let (compute, storage) = (&config.compute, &config.storage);
    WorkerSettings {
        scratch_dir: dir.join("workers"),
        local_paths: compute.allow_listed_local_paths.clone(),
        unsealed: storage.filecoin_unsealed_path.as_ref().map(ToString::to_string),
        piece_paths: storage.piece_paths.iter().map(ToString::to_string).collect(),
        piece_numbers: storage.piece_numbers.clone(),
        verify: storage.unsealed_verify,
        module_bytes: compute.max_module.0,
        host_bytes: compute.job_host_memory.map(|size| size.0),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn the_directory_of_a_node_is_its_own_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let (open, link) = (dir.path().join("open"), dir.path().join("link"));
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        private_dir(&open).unwrap();
        assert_eq!(fs::metadata(&open).unwrap().permissions().mode() & 0o777, 0o700);
        symlink(&open, &link).unwrap();
        assert!(private_dir(&link).unwrap_err().to_string().contains("does not belong to the user of this node"));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&open, Some(12345), None).unwrap();
            assert!(private_dir(&open).unwrap_err().to_string().contains("set another cluster.dir"));
        }
    }
}
