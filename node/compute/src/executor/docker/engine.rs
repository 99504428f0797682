//! The container engine: connection, images, and removal of leftover containers.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, mem};

use bacalhau_receipt::Receipt;
use bacalhau_runtime::Error;
use bacalhau_tree::HostFailure;
use bollard::errors::Error as ApiError;
use bollard::models::ImageInspect;
use bollard::query_parameters::{CreateImageOptions, ListContainersOptionsBuilder, RemoveContainerOptions};
use futures::StreamExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::RwLock;
use tokio::time::timeout;

use super::super::EngineError;
use super::Container;
use super::owner::{OWNER_LABEL, Owner};
use super::run;
use bacalhau_job::DockerSpec;

/// Timeout of all requests except pulls.
const PATIENCE: Duration = Duration::from_mins(2);
/// Timeout of a ping.
const PING_PATIENCE: Duration = Duration::from_secs(10);
/// Timeout of a pull that no job bounds.
const PULL_PATIENCE: Duration = Duration::from_mins(30);
/// Maximum attempts to remove a container.
const REMOVALS: u32 = 3;

/// A connected container engine.
pub struct Docker {
    pub(super) client: bollard::Docker,
    runtime: Runtime,
    /// Name and version.
    pub(super) about: String,
    /// Operating system and architecture.
    pub(super) platform: String,
    /// Number of processors.
    pub(super) cpus: i64,
    /// User of containers.
    pub(super) user: User,
    pub(super) owner: Owner,
    /// Read-locked while a container is created; true after `close`.
    pub(super) closed: RwLock<bool>,
    /// Containers that could not be removed yet.
    stuck: Mutex<BTreeSet<String>>,
}

/// User of a container, so that its files belong to this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    /// `UID:GID` in the container.
    pub(super) ids: String,
    /// Whether the engine needs an option to keep these ids.
    pub(super) keep: bool,
}

impl Docker {
    /// Connects to the engine at `host`, a Unix socket, and removes containers whose owner has ended. `dir`, used by no
    /// other process, holds this process' lock file.
    ///
    /// # Errors
    /// When no engine answers there.
    pub fn connect(host: &str, dir: &Path) -> Result<Self, HostFailure> {
        let socket = socket_of(host)?;
        let failed = |why: String| {
            HostFailure::new(format!(
                "no container engine answers at {host}: {why}; start one, or name its socket with --docker-host"
            ))
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("containers")
            .enable_all()
            .build()
            .map_err(|error| HostFailure::io("start a thread for containers", error))?;
        let (client, info, version) = runtime
            .block_on(async {
                let asked = timeout(PING_PATIENCE, async {
                    let client =
                        bollard::Docker::connect_with_unix(socket, PATIENCE.as_secs(), bollard::API_DEFAULT_VERSION)?;
                    let client = client.negotiate_version().await?;
                    let (info, version) = (client.info().await?, client.version().await?);
                    Ok::<_, ApiError>((client, info, version))
                });
                asked.await.map_err(|_| format!("it did not answer for {} s", PING_PATIENCE.as_secs()))?.map_err(words)
            })
            .map_err(failed)?;
        let (os, arch) = (info.os_type.unwrap_or_default(), info.architecture.unwrap_or_default());
        if os != "linux" {
            return Err(failed(format!("it runs containers of {os:?}, and jobs need linux")));
        }
        let docker = Self {
            client,
            runtime,
            about: format!("docker {}", version.version.unwrap_or_default()),
            platform: format!("{os} {arch}"),
            cpus: info.ncpu.unwrap_or(i64::MAX),
            user: User::of(&info.security_options.unwrap_or_default()),
            owner: Owner::new(dir)?,
            closed: RwLock::new(false),
            stuck: Mutex::default(),
        };
        docker.block_on(docker.sweep(false))?;
        Ok(docker)
    }

    /// Name and version.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Whether this build has containers.
    pub const fn is_built_in() -> bool {
        true
    }

    /// Checks that the engine can run `spec` now.
    pub(super) fn check(&self, spec: &DockerSpec) -> Result<(), EngineError> {
        self.block_on(async {
            let ping = timeout(PING_PATIENCE, self.client.ping()).await;
            let ping = ping.map_err(|_| EngineError::Silent("it does not answer".into()))?;
            ping.map_err(|error| EngineError::Silent(words(error)))?;
            self.remove_stuck().await;
            if spec.is_local() && self.inspect(&spec.image).await?.is_none() {
                return Err(EngineError::NoImage(spec.image.clone()));
            }
            Ok(())
        })
    }

    /// Resolves `image` to a name by which all nodes run the same image. Pulls it if absent.
    ///
    /// # Errors
    /// When the image neither exists nor can be pulled.
    pub fn resolve(&self, image: &str) -> Result<String, HostFailure> {
        if image.contains("@sha256:") || image.starts_with("sha256:") {
            return Ok(image.into());
        }
        self.block_on(async {
            let found = match self.inspect(image).await? {
                None => self.pull(image, PULL_PATIENCE).await?,
                Some(found) => found,
            };
            let digests = found.repo_digests.unwrap_or_default();
            let of_name = |digest: &&String| digest.split_once('@').is_some_and(|(name, _)| same_name(name, image));
            let digest = digests.iter().find(of_name).or(digests.first()).cloned();
            digest.or(found.id).ok_or_else(|| {
                HostFailure::new(format!(
                    "the engine does not report the digest of \
                {image}"
                ))
            })
        })
    }

    /// Runs a container, stores its results, and removes it in any case.
    ///
    /// # Errors
    /// Why there are no results. A container that could not be removed is removed at the next connection.
    pub fn run(&self, container: &Container<'_>) -> Result<Receipt, Error> {
        run::run(self, container)
    }

    /// Prevents new containers and removes those of this process.
    pub fn close(&self) {
        let closed = self.block_on(async {
            *self.closed.write().await = true;
            self.sweep(true).await
        });
        // Removal is retried at the next start.
        if let Err(failure) = closed {
            tracing::warn!("containers could not be removed: {failure}");
        }
    }

    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Ensures that the engine has `image`.
    pub(super) async fn have(&self, image: &str, patience: Duration) -> Result<ImageInspect, HostFailure> {
        if let Some(found) = self.inspect(image).await? {
            return Ok(found);
        }
        if !image.contains('@') {
            return Err(HostFailure::new(EngineError::NoImage(image.into()).to_string()));
        }
        self.pull(image, patience).await
    }

    async fn inspect(&self, image: &str) -> Result<Option<ImageInspect>, HostFailure> {
        match self.client.inspect_image(image).await {
            Ok(found) => Ok(Some(found)),
            Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(HostFailure::new(format!("the engine cannot look up image {image}: {}", words(error)))),
        }
    }

    async fn pull(&self, image: &str, patience: Duration) -> Result<ImageInspect, HostFailure> {
        let (name, tag) = split(image);
        let options = CreateImageOptions { from_image: Some(name), tag: Some(tag), ..Default::default() };
        let mut steps = self.client.create_image(Some(options), None, None);
        let all = async {
            while let Some(step) = steps.next().await {
                step?;
            }
            Ok(())
        };
        let failed =
            |why: String| HostFailure::new(format!("the engine has no image {image} and cannot pull it: {why}"));
        match timeout(patience, all).await {
            Err(_) => return Err(failed(format!("it took longer than {} s", patience.as_secs()))),
            Ok(pulled) => pulled.map_err(|error| failed(words(error)))?,
        }
        let found = self.inspect(image).await?;
        found.ok_or_else(|| HostFailure::new(format!("the engine has pulled {image}, but does not have it")))
    }

    /// Removes containers of this owner and, unless `ours_only`, those whose owner has ended. At the start, those of
    /// this owner are from an earlier process.
    async fn sweep(&self, ours_only: bool) -> Result<(), HostFailure> {
        let filters = [("label".to_owned(), vec![OWNER_LABEL.to_owned()])].into();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.client.list_containers(Some(options)).await;
        let listed =
            listed.map_err(|error| HostFailure::new(format!("the engine cannot list containers: {}", words(error))))?;
        for container in listed {
            let (Some(id), Some(labels)) = (container.id, container.labels) else { continue };
            let Some(owner) = labels.get(OWNER_LABEL) else { continue };
            if self.owner.owns(owner) || (!ours_only && Owner::is_gone(owner)) {
                self.remove(&id).await?;
            }
        }
        Ok(())
    }

    /// Retries removals that failed, for example while the engine was down.
    async fn remove_stuck(&self) {
        let stuck = mem::take(&mut *self.stuck.lock().unwrap_or_else(PoisonError::into_inner));
        for id in stuck {
            if let Err(failure) = self.remove(&id).await {
                tracing::warn!("{failure}");
            }
        }
    }

    /// Stops a container and removes it with its volumes. An unknown container is not an error. Failed removals are
    /// retried at the next check.
    pub(super) async fn remove(&self, id: &str) -> Result<(), HostFailure> {
        let mut tried = 0;
        loop {
            let options = RemoveContainerOptions { force: true, v: true, link: false };
            tried += 1;
            match self.client.remove_container(id, Some(options)).await {
                Ok(()) | Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => return Ok(()),
                // Another removal is in progress; it will be gone at the next check.
                Err(_) if tried < REMOVALS => tokio::time::sleep(Duration::from_secs(1)).await,
                Err(error) => {
                    self.stuck.lock().unwrap_or_else(PoisonError::into_inner).insert(id.into());
                    return Err(HostFailure::new(format!("the engine cannot remove container {id}: {}", words(error))));
                }
            }
        }
    }
}

impl fmt::Debug for Docker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Docker").field("about", &self.about).field("user", &self.user).finish_non_exhaustive()
    }
}

impl User {
    /// The user for an engine with these security options: that of this process, because it reads and removes the
    /// container's files. For a rootless engine that is its root.
    fn of(options: &[String]) -> Self {
        let has = |name: &str| options.iter().any(|option| option.split(',').any(|part| part == name));
        let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
        let ids = if has("name=rootless") { "0:0".into() } else { format!("{}:{}", uid.as_raw(), gid.as_raw()) };
        Self { ids, keep: has("name=userns") }
    }
}

/// The socket path in `host`.
fn socket_of(host: &str) -> Result<&str, HostFailure> {
    let path = host.strip_prefix("unix://").unwrap_or(host);
    if path.starts_with('/') {
        return Ok(path);
    }
    Err(HostFailure::new(format!(
        "{host:?} is not a Unix socket, the only supported form: write unix:///var/run/docker.sock, for example"
    )))
}

/// The text of an engine error.
pub(super) fn words(error: ApiError) -> String {
    match error {
        ApiError::DockerResponseServerError { message, .. } => message,
        ApiError::DockerStreamError { error } => error,
        ApiError::SocketNotFoundError(path) => format!("{path} does not exist"),
        other => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(&other);
            while let Some(inner) = source {
                let inner_text = inner.to_string();
                if !text.contains(&inner_text) {
                    text = format!("{text}: {inner_text}");
                }
                source = inner.source();
            }
            text
        }
    }
}

/// The name of a reference, and its tag or digest.
fn split(image: &str) -> (String, String) {
    if let Some((name, digest)) = image.split_once('@') {
        // A tag before a digest has no effect.
        return (split(name).0, digest.into());
    }
    let start = image.rfind('/').map_or(0, |at| at + 1);
    match image[start..].find(':') {
        Some(colon) => (image[..start + colon].into(), image[start + colon + 1..].into()),
        None => (image.into(), "latest".into()),
    }
}

/// Whether the repository `name` is that of `image`, in both notations.
fn same_name(name: &str, image: &str) -> bool {
    let full = |name: &str| {
        let name = name.trim_start_matches("index.").trim_start_matches("docker.io/");
        name.trim_start_matches("library/").to_owned()
    };
    full(name) == full(&split(image).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_names_and_tags() {
        let table = [
            ("busybox", ("busybox", "latest")),
            ("busybox:1", ("busybox", "1")),
            ("localhost:5000/a/b", ("localhost:5000/a/b", "latest")),
            ("localhost:5000/a:x", ("localhost:5000/a", "x")),
            ("a/b:1@sha256:00", ("a/b", "sha256:00")),
        ];
        for (image, (name, tag)) in table {
            assert_eq!(split(image), (name.into(), tag.into()), "{image}");
        }
        assert!(same_name("busybox", "docker.io/library/busybox:1") && !same_name("busybox", "other/busybox"));
    }

    #[test]
    fn only_unix_sockets_are_engines() {
        assert_eq!(socket_of("unix:///var/run/docker.sock").unwrap(), "/var/run/docker.sock");
        assert_eq!(socket_of("/run/d.sock").unwrap(), "/run/d.sock");
        for host in ["tcp://127.0.0.1:2375", "docker.sock", "", "unix://relative"] {
            assert!(socket_of(host).unwrap_err().to_string().contains("not a Unix socket"), "{host}");
        }
    }

    #[test]
    fn whoever_runs_the_node_has_what_containers_write() {
        let options = |texts: &[&str]| User::of(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        assert_eq!(options(&["name=seccomp,profile=default"]), User { ids: format!("{uid}:{gid}"), keep: false });
        assert_eq!(options(&["name=rootless"]).ids, "0:0");
        assert!(options(&["name=userns"]).keep);
    }

    #[test]
    fn where_no_engine_is_that_is_said_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let host = format!("unix://{}/none.sock", dir.path().display());
        let error = Docker::connect(&host, dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("no container engine") && error.contains("none.sock") && error.contains("--docker-host"),
            "{error}"
        );
        // A daemon that has ended leaves its socket, which refuses connections.
        drop(std::os::unix::net::UnixListener::bind(dir.path().join("none.sock")).unwrap());
        let error = Docker::connect(&host, dir.path()).unwrap_err().to_string();
        assert!(error.contains("Connection refused"), "{error}");
    }
}
