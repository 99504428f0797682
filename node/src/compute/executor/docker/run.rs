//! One container from its image to its results. However it ends, it is removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bacalhau_runtime::{
    Control, Deadline, Error, HostFailure, Job, Limit, Outcome, Receipt, Refusal, Unclaimed, claim_results, identities,
};
use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use bollard::models::ContainerState;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, InspectContainerOptions, StartContainerOptions,
    WaitContainerOptions,
};
use futures::StreamExt as _;
use tokio::time::{MissedTickBehavior, interval};

use super::Container;
use super::engine::{Docker, words};
use super::outputs::{self, Left};
use super::streams::Streams;
use super::{hold, inputs};
use crate::cas::unixfs::Unpack;
use crate::job::ContainerLimits;
use crate::temporary::scrub;

/// How often it is looked whether anybody still wants the result.
const BEAT: Duration = Duration::from_millis(100);
/// How long an engine may take to report that a process was killed for want of memory, where a container has failed.
const OOM_PATIENCE: Duration = Duration::from_secs(1);
/// The same for a container whose exit code says that it was killed: on a busy host the report is seconds late.
const OOM_PATIENCE_KILLED: Duration = Duration::from_secs(10);
/// The exit code of a program that a signal has killed.
const KILLED: i64 = 128 + 9;
/// How many times as long as looking at the outputs takes, nobody looks at them.
const REST: u32 = 20;

/// What is told of how it ended, beside what is claimed.
struct Ended {
    outcome: Outcome,
    notes: Vec<String>,
}

/// Everything of one run that is no result. Removed with it.
struct Workplace(PathBuf);

impl Drop for Workplace {
    fn drop(&mut self) {
        if let Err(error) = scrub(&self.0) {
            tracing::warn!("what a container has left in {} could not be removed: {error}", self.0.display());
        }
    }
}

/// See [`Docker::run`].
pub(super) fn run(docker: &Docker, container: &Container<'_>) -> Result<Receipt, Error> {
    let Container { spec, job, inputs, dir, deadline, .. } = container;
    job.check_names()?;
    let dir = dir.canonicalize().map_err(|error| HostFailure::at("find", dir, error))?;
    let place = Workplace(dir.join("container"));
    let made = |path: &Path| fs::create_dir(path).map_err(|error| HostFailure::at("make", path, error));
    made(&place.0)?;
    let written = place.0.join("outputs");
    made(&written)?;
    for name in job.outputs.keys() {
        made(&written.join(name))?;
    }
    let image = docker.block_on(until(deadline, docker.have(&spec.image, deadline.left())))??;
    let volumes = image.config.and_then(|config| config.volumes).unwrap_or_default();
    let (trees, copies) = (inputs.trees.clone(), place.0.join("inputs"));
    let showing = deadline
        .begin("make the inputs ready", move |deadline| inputs::show(&trees, &copies, &Unpack::default(), deadline))?;
    let shown = showing.wait()??;
    let body = hold::body(docker, container, &shown, &written, &volumes)?;
    let hashing = identities(&inputs.trees, deadline)?;
    let mut ended = docker.block_on(hold_and_watch(docker, container, body, &place.0))?;
    let found = hashing.wait()??;
    let looking = deadline.begin("look at the inputs again", move |deadline| {
        shown.iter().try_for_each(|shown| shown.check_unchanged(deadline))
    })?;
    looking.wait()??;
    let job = job.with_identities(found)?;
    let results = fill(&place.0, &job, &mut ended, deadline)?;
    let claim = claim_results(&results, &dir.join("results"), job, ended.outcome, 0, deadline)?;
    let mut unclaimed = Unclaimed {
        version: format!("bacalhau {}, {}", env!("CARGO_PKG_VERSION"), docker.about),
        platform: docker.platform.clone(),
        backend: "docker".into(),
        module_source: Some(spec.image.clone()),
        container: serde_json::to_value(spec).ok(),
        notes: ended.notes,
        ..Unclaimed::default()
    };
    inputs.record(&mut unclaimed);
    Ok(Receipt { claim, signatures: Vec::new(), unclaimed })
}

/// Puts the results together in a directory of `place`.
fn fill(place: &Path, job: &Job, ended: &mut Ended, deadline: &Deadline) -> Result<PathBuf, Error> {
    let results = place.join("results");
    let failed = |error| HostFailure::at("write the results to", &results, error);
    fs::create_dir(&results).map_err(failed)?;
    for name in ["stdout", "stderr"] {
        fs::rename(Streams::path(place, name), results.join(name)).map_err(failed)?;
    }
    fs::write(results.join("exitCode"), ended.outcome.exit_code().to_string()).map_err(failed)?;
    let mut left = Left::default();
    for name in job.outputs.keys() {
        let folder = results.join(name);
        fs::create_dir(&folder).map_err(failed)?;
        // Where it was stopped depends on the machine, and so does what it had written by then.
        if !matches!(ended.outcome, Outcome::Limit(_)) {
            outputs::export(&place.join("outputs").join(name), &folder, &mut left, deadline)?;
        }
    }
    if left.links > 0 {
        ended.notes.push(format!("symbolic links that stayed in the container, as all do: {}", left.links));
    }
    if left.others > 0 {
        ended.notes.push(format!("pipes and sockets that stayed in the container, as all do: {}", left.others));
    }
    if matches!(ended.outcome, Outcome::Limit(_)) && !job.outputs.is_empty() {
        ended
            .notes
            .push("the outputs are empty, since what is in them when a limit ends a container is by chance".into());
    }
    Ok(results)
}

async fn hold_and_watch(
    docker: &Docker,
    container: &Container<'_>,
    body: bollard::models::ContainerCreateBody,
    place: &Path,
) -> Result<Ended, Error> {
    let id = {
        let closed = docker.closed.read().await;
        if *closed {
            return Err(HostFailure::cancelled().into());
        }
        container.deadline.check()?;
        let made = docker.client.create_container(None::<CreateContainerOptions>, body).await;
        made.map_err(|error| refused_or_failed("made", container, error))?.id
    };
    let ended = watch(docker, container, &id, place).await;
    let removed = docker.remove(&id).await;
    match (&ended, removed) {
        // It might still be running, and writing.
        (Ok(Ended { outcome: Outcome::Limit(_), .. }), Err(failure)) => Err(failure.into()),
        (_, Err(failure)) => {
            tracing::warn!("{failure}; that is tried again later, and when this node starts");
            ended
        }
        (_, Ok(())) => ended,
    }
}

/// Starts it, and takes what it says until it ends, or has to.
async fn watch(docker: &Docker, container: &Container<'_>, id: &str, place: &Path) -> Result<Ended, Error> {
    let Container { spec, deadline, .. } = container;
    let client = &docker.client;
    let failed = |what: &str, error: ApiError| HostFailure::new(format!("the engine {what}: {}", words(error)));
    let written = |error| HostFailure::at("write what the container says to", place, error);
    let mut streams = Streams::new(place, spec.limits.log_bytes, deadline.control()).map_err(written)?;
    let options = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
    let attached = client.attach_container(id, Some(options)).await;
    let mut said = attached.map_err(|error| failed("hands on nothing of what the container says", error))?.output;
    let begun = Instant::now();
    let started = client.start_container(id, None::<StartContainerOptions>).await;
    started.map_err(|error| refused_or_failed("started", container, error))?;
    let mut end = Box::pin(client.wait_container(id, None::<WaitContainerOptions>));
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut speaks, mut runs, mut look_at) = (true, true, begun);
    while speaks || runs {
        tokio::select! {
            piece = said.next(), if speaks => match piece {
                None => speaks = false,
                Some(Err(error)) => return Err(failed("broke off what the container says", error).into()),
                Some(Ok(piece)) => {
                    let stderr = matches!(piece, LogOutput::StdErr { .. });
                    if !streams.take(stderr, &piece.into_bytes()).map_err(written)? {
                        return Ok(Ended::by(Limit::LogBytes));
                    }
                }
            },
            ended = end.next(), if runs => match ended {
                // An exit code other than 0 is an error to the client. It is looked at below.
                None | Some(Ok(_) | Err(ApiError::DockerContainerWaitError { .. })) => runs = false,
                Some(Err(error)) => return Err(failed("lost the container", error).into()),
            },
            _ = beat.tick() => {
                deadline.check()?;
                if Instant::now() >= look_at {
                    let looked = Instant::now();
                    if let Some(limit) = over(container, place, streams.taken())? {
                        return Ok(Ended::by(limit));
                    }
                    look_at = Instant::now() + looked.elapsed() * REST;
                }
            }
        }
    }
    let state = how_it_ended(docker, id).await?;
    if state.running == Some(true) {
        return Err(HostFailure::new("the engine takes a container that runs for one that has ended").into());
    }
    if let Some(limit) = over(container, place, streams.taken())? {
        return Ok(Ended::by(limit));
    }
    let code = state.exit_code.and_then(|code| u32::try_from(code).ok());
    let code = code.ok_or_else(|| HostFailure::new("the engine does not say how the container ended"))?;
    Ok(match (state.oom_killed == Some(true), code) {
        (true, 0) => {
            let note = "a process of the container was killed for want of memory; the container went on and ended well";
            Ended { outcome: Outcome::Exit(0), notes: vec![note.into()] }
        }
        (true, _) => Ended::by(Limit::Memory),
        (false, code) => Ended { outcome: Outcome::Exit(code), notes: Vec::new() },
    })
}

/// What the engine says of a container that has ended. That the kernel killed a process for want of memory it hears apart
/// from the end, and maybe later: whether a container that failed has done so for that reason must not be by chance.
async fn how_it_ended(docker: &Docker, id: &str) -> Result<ContainerState, HostFailure> {
    let ended = Instant::now();
    loop {
        let said = docker.client.inspect_container(id, None::<InspectContainerOptions>).await;
        let said = said.map_err(|error| {
            HostFailure::new(format!("the engine does not say how the container ended: {}", words(error)))
        })?;
        let state = said.state.unwrap_or_default();
        let is_clear = state.oom_killed == Some(true) || state.exit_code == Some(0);
        let patience = if state.exit_code == Some(KILLED) { OOM_PATIENCE_KILLED } else { OOM_PATIENCE };
        if is_clear || ended.elapsed() > patience {
            return Ok(state);
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Which limit the outputs are over. More than this node gives to one execution, with `said` bytes of standard streams, is a
/// failure of the node.
fn over(container: &Container<'_>, place: &Path, said: u64) -> Result<Option<Limit>, HostFailure> {
    let (dir, limits) = (place.join("outputs"), &container.spec.limits);
    let given = container.deadline.control().map_or(u64::MAX, Control::disk_bytes);
    let left = given.saturating_sub(said);
    let bounded = ContainerLimits { output_bytes: limits.output_bytes.min(left), ..*limits };
    match outputs::over(&dir, &bounded).map_err(|error| HostFailure::at("look at", &dir, error))? {
        Some(Limit::OutputBytes) if left < limits.output_bytes => Err(HostFailure::new(format!(
            "the outputs and logs of the container need more than the {given} bytes of disk that this host gives it"
        ))),
        limit => Ok(limit),
    }
}

/// Waits for `work` until `deadline`.
async fn until<T>(deadline: &Deadline, work: impl Future<Output = T>) -> Result<T, HostFailure> {
    let mut work = std::pin::pin!(work);
    let mut beat = interval(BEAT);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            _ = beat.tick() => deadline.check()?,
        }
    }
}

/// What an engine says that cannot be is said of the job: every engine would.
fn refused_or_failed(what: &str, container: &Container<'_>, error: ApiError) -> Error {
    let is_jobs = matches!(error, ApiError::DockerResponseServerError { status_code: 400, .. });
    let text = format!("the container of {} cannot be {what}: {}", container.spec.image, words(error));
    if is_jobs { Refusal::job(text).into() } else { HostFailure::new(text).into() }
}

impl Ended {
    fn by(limit: Limit) -> Self {
        Self { outcome: Outcome::Limit(limit), notes: Vec::new() }
    }
}
