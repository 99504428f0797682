//! The engine: whether it is there, which images it has, which containers of ours it should have no more.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, mem};

use bacalhau_runtime::{Error, HostFailure, Receipt};
use bollard::errors::Error as ApiError;
use bollard::models::ImageInspect;
use bollard::query_parameters::{CreateImageOptions, ListContainersOptionsBuilder, RemoveContainerOptions};
use futures::StreamExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::RwLock;
use tokio::time::timeout;

use super::Container;
use super::owner::{OWNER_LABEL, Owner};
use super::run;
use crate::job::DockerSpec;

/// How long the engine may think about anything but a pull.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long it may think about whether it is there.
const PING_PATIENCE: Duration = Duration::from_secs(10);
/// How long a pull may take that no job bounds.
const PULL_PATIENCE: Duration = Duration::from_mins(30);
/// How often the removal of a container is tried.
const REMOVALS: u32 = 3;

/// An engine for containers, and our hold on it.
pub struct Docker {
    pub(super) client: bollard::Docker,
    runtime: Runtime,
    /// Its name and version.
    pub(super) about: String,
    /// Its system and processor.
    pub(super) platform: String,
    /// How many processors it has.
    pub(super) cpus: i64,
    /// Whom containers run as.
    pub(super) user: User,
    pub(super) owner: Owner,
    /// Held for reading while a container is made; true when no more may be.
    pub(super) closed: RwLock<bool>,
    /// Containers that could not be removed so far.
    stuck: Mutex<BTreeSet<String>>,
}

/// Whom a container runs as, so that what it writes is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    /// `UID:GID` in the container.
    pub(super) ids: String,
    /// Whether the engine has to be told not to make others of them.
    pub(super) keep: bool,
}

impl Docker {
    /// Connects to the engine at `host`, a Unix socket, and removes the containers there whose owner is gone. `dir`, which no
    /// other process has, is where this one shows that it lives.
    ///
    /// # Errors
    /// When no engine answers there.
    pub fn connect(host: &str, dir: &Path) -> Result<Self, HostFailure> {
        let socket = socket_of(host)?;
        let failed = |why: String| {
            HostFailure::new(format!(
                "no engine for containers answers at {host}: {why}; start one, or name its socket with --docker-host"
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
                asked.await.map_err(|_| format!("it said nothing for {} s", PING_PATIENCE.as_secs()))?.map_err(words)
            })
            .map_err(failed)?;
        let (os, arch) = (info.os_type.unwrap_or_default(), info.architecture.unwrap_or_default());
        if os != "linux" {
            return Err(failed(format!("it runs containers of {os:?}, and those of jobs are for linux")));
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

    /// Its name and version.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Whether this program has containers at all.
    pub const fn is_built_in() -> bool {
        true
    }

    /// Whether it runs `spec`, as it is now.
    pub(super) fn check(&self, spec: &DockerSpec) -> Result<(), String> {
        self.block_on(async {
            let ping = timeout(PING_PATIENCE, self.client.ping()).await;
            let gone = |why: String| format!("the engine for containers of this node does not answer: {why}");
            ping.map_err(|_| gone("it says nothing".into()))?.map_err(|error| gone(words(error)))?;
            self.remove_stuck().await;
            if spec.is_local() && self.inspect(&spec.image).await.map_err(|failure| failure.to_string())?.is_none() {
                return Err(not_to_be_had(&spec.image));
            }
            Ok(())
        })
    }

    /// What all nodes have to be told so that they run the image that `image` names here and now. A name that is not here is
    /// pulled.
    ///
    /// # Errors
    /// When there is no such image, nor any to be pulled.
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
            digest.or(found.id).ok_or_else(|| HostFailure::new(format!("the engine does not say what {image} is")))
        })
    }

    /// Runs a container to its end, keeps its results, and removes it, however it ends.
    ///
    /// # Errors
    /// Whose failure it is that there are no results. A container that could not be removed is removed when an engine is
    /// connected to the next time.
    pub fn run(&self, container: &Container<'_>) -> Result<Receipt, Error> {
        run::run(self, container)
    }

    /// Lets no more containers begin, and removes those of ours that are there.
    pub fn close(&self) {
        let closed = self.block_on(async {
            *self.closed.write().await = true;
            self.sweep(true).await
        });
        // Whoever starts next tries again.
        if let Err(failure) = closed {
            tracing::warn!("containers could not be removed: {failure}");
        }
    }

    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Makes sure that the engine has `image`.
    pub(super) async fn have(&self, image: &str, patience: Duration) -> Result<ImageInspect, HostFailure> {
        if let Some(found) = self.inspect(image).await? {
            return Ok(found);
        }
        if !image.contains('@') {
            return Err(HostFailure::new(not_to_be_had(image)));
        }
        self.pull(image, patience).await
    }

    async fn inspect(&self, image: &str) -> Result<Option<ImageInspect>, HostFailure> {
        match self.client.inspect_image(image).await {
            Ok(found) => Ok(Some(found)),
            Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => {
                Err(HostFailure::new(format!("the engine cannot say whether it has {image}: {}", words(error))))
            }
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
        found.ok_or_else(|| HostFailure::new(format!("the engine has pulled {image}, and has no such image")))
    }

    /// Removes our containers and, unless `ours_only`, those whose owner is gone. At the start, ours are of an earlier life.
    async fn sweep(&self, ours_only: bool) -> Result<(), HostFailure> {
        let filters = [("label".to_owned(), vec![OWNER_LABEL.to_owned()])].into();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.client.list_containers(Some(options)).await;
        let listed =
            listed.map_err(|error| HostFailure::new(format!("the engine lists no containers: {}", words(error))))?;
        for container in listed {
            let (Some(id), Some(labels)) = (container.id, container.labels) else { continue };
            let Some(owner) = labels.get(OWNER_LABEL) else { continue };
            if self.owner.owns(owner) || (!ours_only && Owner::is_gone(owner)) {
                self.remove(&id).await?;
            }
        }
        Ok(())
    }

    /// Removes what could not be removed before: the engine had gone away then, and is there again.
    async fn remove_stuck(&self) {
        let stuck = mem::take(&mut *self.stuck.lock().unwrap_or_else(PoisonError::into_inner));
        for id in stuck {
            if let Err(failure) = self.remove(&id).await {
                tracing::warn!("{failure}");
            }
        }
    }

    /// Ends a container and removes it with its volumes. That there is none is no error. What cannot be removed is tried again
    /// when it is next asked whether the engine is there.
    pub(super) async fn remove(&self, id: &str) -> Result<(), HostFailure> {
        let mut tried = 0;
        loop {
            let options = RemoveContainerOptions { force: true, v: true, link: false };
            tried += 1;
            match self.client.remove_container(id, Some(options)).await {
                Ok(()) | Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => return Ok(()),
                // Somebody else is removing it: the next time it is gone.
                Err(_) if tried < REMOVALS => tokio::time::sleep(Duration::from_secs(1)).await,
                Err(error) => {
                    self.stuck.lock().unwrap_or_else(PoisonError::into_inner).insert(id.into());
                    return Err(HostFailure::new(format!(
                        "the engine does not remove container {id}: {}",
                        words(error)
                    )));
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
    /// As an engine with these security options has to be told: that of this process, since it has to read and remove what
    /// the container writes. To an engine without privileges, that is the one it calls root.
    fn of(options: &[String]) -> Self {
        let has = |name: &str| options.iter().any(|option| option.split(',').any(|part| part == name));
        let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
        let ids = if has("name=rootless") { "0:0".into() } else { format!("{}:{}", uid.as_raw(), gid.as_raw()) };
        Self { ids, keep: has("name=userns") }
    }
}

/// The path of the socket that `host` names.
fn socket_of(host: &str) -> Result<&str, HostFailure> {
    let path = host.strip_prefix("unix://").unwrap_or(host);
    if path.starts_with('/') {
        return Ok(path);
    }
    Err(HostFailure::new(format!(
        "{host:?} is no Unix socket, and engines are reached by no other way: write unix:///var/run/docker.sock, for example"
    )))
}

fn not_to_be_had(image: &str) -> String {
    format!("the engine has no image {image}, and it has no name by which it could be pulled: import it on every node")
}

/// What an engine says of a failure.
pub(super) fn words(error: ApiError) -> String {
    match error {
        ApiError::DockerResponseServerError { message, .. } => message,
        ApiError::DockerStreamError { error } => error,
        ApiError::SocketNotFoundError(path) => format!("there is no {path}"),
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

/// A reference's name, and its tag or digest.
fn split(image: &str) -> (String, String) {
    if let Some((name, digest)) = image.split_once('@') {
        // A tag before a digest says nothing.
        return (split(name).0, digest.into());
    }
    let start = image.rfind('/').map_or(0, |at| at + 1);
    match image[start..].find(':') {
        Some(colon) => (image[..start + colon].into(), image[start + colon + 1..].into()),
        None => (image.into(), "latest".into()),
    }
}

/// Whether the repository `name` is that of `image`, both as people write them.
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
            assert!(socket_of(host).unwrap_err().to_string().contains("no Unix socket"), "{host}");
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
            error.contains("no engine") && error.contains("none.sock") && error.contains("--docker-host"),
            "{error}"
        );
        // What a daemon leaves that has ended: a socket, and nobody at it.
        drop(std::os::unix::net::UnixListener::bind(dir.path().join("none.sock")).unwrap());
        let error = Docker::connect(&host, dir.path()).unwrap_err().to_string();
        assert!(error.contains("Connection refused"), "{error}");
    }
}
