//! Kubernetes: a Job for each execution, and one listing for all of them. Jobs of a node have a label with its name, and
//! names that follow from their executions, so creating one twice does not run it twice.

mod manifest;
mod state;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bacalhau_cluster::{Cluster, ClusterJob, Submission, SubmitError};
use bacalhau_tree::HostFailure;
use futures::StreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Error, Resource};
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

pub use manifest::{Volume, WorkerPod};

/// Timeout of a request.
const PATIENCE: Duration = Duration::from_secs(30);
/// Objects of one page of a listing, and of a listing in all.
const PAGE: u32 = 500;
const MOST_LISTED: usize = 50_000;
/// Pause after a change, in which further ones are awaited, and after a watch that has ended early.
const PAUSE: Duration = Duration::from_millis(500);

/// Configuration of the connection to Kubernetes.
#[derive(Clone, Debug)]
pub struct KubernetesConfig {
    /// Configuration file of the client. Default: the service account of this pod, `KUBECONFIG` or ~/.kube/config.
    pub kubeconfig: Option<PathBuf>,
    /// Namespace. Default: that of the client's configuration.
    pub namespace: Option<String>,
    /// Name of this node, which no other node of the namespace has. A value of a label.
    pub node: String,
    /// The pods of workers.
    pub pod: WorkerPod,
}

/// The connection to Kubernetes.
pub struct Kubernetes {
    runtime: Runtime,
    jobs: Api<Job>,
    pods: Api<Pod>,
    node: String,
    pod: WorkerPod,
    /// Version of the latest listing, from which changes are watched.
    version: Mutex<Option<String>>,
}

impl Kubernetes {
    /// Connects by this configuration. No request is sent yet.
    ///
    /// # Errors
    /// When the configuration of the client cannot be read.
    pub fn connect(config: KubernetesConfig) -> Result<Self, HostFailure> {
        let failed = |error: &dyn fmt::Display| {
            HostFailure::new(format!("cannot connect to Kubernetes: {error}; name a file with kubernetes.kubeconfig"))
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("kubernetes").enable_all().build();
        let runtime = runtime.map_err(|error| HostFailure::io("start a thread for Kubernetes", error))?;
        let mut client = runtime.block_on(async {
            match &config.kubeconfig {
                Some(path) => {
                    let file = Kubeconfig::read_from(path).map_err(|error| failed(&error))?;
                    let options = KubeConfigOptions::default();
                    Config::from_custom_kubeconfig(file, &options).await.map_err(|error| failed(&error))
                }
                None => Config::infer().await.map_err(|error| failed(&error)),
            }
        })?;
        (client.connect_timeout, client.read_timeout, client.write_timeout) =
            (Some(PATIENCE), Some(2 * PATIENCE), Some(PATIENCE));
        let namespace = config.namespace.unwrap_or_else(|| client.default_namespace.clone());
        // That of the other clients. An error says that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = {
            let _within = runtime.enter();
            Client::try_from(client).map_err(|error| failed(&error))?
        };
        Ok(Self {
            runtime,
            jobs: Api::namespaced(client.clone(), &namespace),
            pods: Api::namespaced(client, &namespace),
            node: config.node,
            pod: config.pod,
            version: Mutex::default(),
        })
    }

    /// Runs a request with a timeout.
    fn ask<T>(&self, what: &str, request: impl Future<Output = kube::Result<T>>) -> Result<T, Failed> {
        let answer = self.runtime.block_on(async { timeout(PATIENCE, request).await });
        let Ok(answer) = answer else {
            let why = format!("cannot {what}: no answer for {} s", PATIENCE.as_secs());
            return Err(Failed { code: None, failure: HostFailure::new(why) });
        };
        answer.map_err(|error| Failed {
            code: if let Error::Api(status) = &error { Some(status.code) } else { None },
            failure: HostFailure::new(format!("cannot {what}: {}", words(&error))),
        })
    }

    /// All objects of this node, page by page, and the version of the listing.
    async fn all<K>(&self, api: &Api<K>) -> kube::Result<(Vec<K>, Option<String>)>
    where
        K: Clone + fmt::Debug + DeserializeOwned + Resource,
    {
        let mut params = ListParams::default().labels(&manifest::selector(&self.node)).limit(PAGE);
        let (mut found, mut version) = (Vec::new(), None);
        loop {
            let page = api.list(&params).await?;
            version = version.or(page.metadata.resource_version);
            found.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                // The rest would be taken for removed.
                Some(_) if found.len() >= MOST_LISTED => {
                    return Err(Error::Service(format!("more than {MOST_LISTED} objects belong to this node").into()));
                }
                Some(token) => params = params.continue_token(&token),
                None => return Ok((found, version)),
            }
        }
    }

    /// The answer to a creation where a job of this name exists.
    fn existing(&self, name: &str, conflict: HostFailure) -> Result<String, SubmitError> {
        let found = self.ask(&format!("read the job {name}"), self.jobs.get(name));
        match found {
            Ok(job) if !manifest::is_of(&job, &self.node) => {
                let why = format!("the job {name} exists and is not of this node: remove it, or use another namespace");
                Err(SubmitError::Rejected(HostFailure::new(why)))
            }
            // Of an attempt whose results were lost here.
            Ok(job) if state::is_over(&job) => {
                self.cancel(&[name.to_owned()]).map_err(SubmitError::Unanswered)?;
                Err(SubmitError::Unanswered(conflict))
            }
            Ok(_) => Ok(name.to_owned()),
            Err(failed) => Err(SubmitError::Unanswered(failed.failure)),
        }
    }

    /// Waits for a change after the latest listing.
    async fn changed(&self, version: &str, most: Duration) -> kube::Result<()> {
        let seconds = u32::try_from(most.as_secs()).unwrap_or(u32::MAX).max(1);
        let params = WatchParams::default().labels(&manifest::selector(&self.node)).timeout(seconds);
        let mut events = Box::pin(self.jobs.watch(&params, version).await?);
        while let Some(event) = events.next().await {
            match event? {
                WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Deleted(_) => break,
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(status) => return Err(Error::Api(status)),
            }
        }
        Ok(())
    }
}

/// A failed request.
struct Failed {
    /// Status of the answer, if there was one.
    code: Option<u16>,
    failure: HostFailure,
}

impl Cluster for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn submit(&self, submission: &Submission) -> Result<String, SubmitError> {
        let job = manifest::job(&self.pod, &self.node, submission).map_err(SubmitError::Rejected)?;
        let name = manifest::name(submission.execution);
        let what = format!("create the job {name}");
        let created = self.ask(&what, async { self.jobs.create(&PostParams::default(), &job).await });
        match created {
            Ok(_) => Ok(name),
            Err(Failed { code: Some(409), failure }) => self.existing(&name, failure),
            Err(Failed { code: Some(429 | 500..) | None, failure }) => Err(SubmitError::Unanswered(failure)),
            Err(Failed { failure, .. }) => Err(SubmitError::Rejected(failure)),
        }
    }

    fn list(&self) -> Result<Vec<ClusterJob>, HostFailure> {
        let listed = self.ask("list jobs and pods", async {
            let (jobs, version) = self.all(&self.jobs).await?;
            Ok((jobs, version, self.all(&self.pods).await?.0))
        });
        let (jobs, version, pods) = listed.map_err(|failed| failed.failure)?;
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = version;
        Ok(state::jobs(&jobs, &pods))
    }

    fn cancel(&self, jobs: &[String]) -> Result<(), HostFailure> {
        for name in jobs {
            let deleted = self.ask(&format!("delete the job {name}"), async {
                self.jobs.delete(name, &DeleteParams::background()).await.map(drop)
            });
            match deleted {
                Ok(()) | Err(Failed { code: Some(404 | 409), .. }) => {}
                Err(failed) => return Err(failed.failure),
            }
        }
        Ok(())
    }

    fn wait(&self, most: Duration) {
        let version = self.version.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.runtime.block_on(async {
            let Some(version) = version else { return sleep(most).await };
            // The listing that follows says what happened, also after a watch that broke off.
            if let Ok(Err(error)) = timeout(most, self.changed(&version, most)).await {
                tracing::debug!("the watch of jobs has ended: {}", words(&error));
            }
            sleep(PAUSE).await;
        });
    }
}

/// An error in plain words: the kind of an API error is in its text.
fn words(error: &Error) -> String {
    match error {
        Error::Api(status) => format!("{} (status {})", status.message, status.code),
        Error::Service(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            text
        }
        error => error.to_string(),
    }
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes").field("node", &self.node).finish_non_exhaustive()
    }
}
