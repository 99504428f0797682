//! One container from its image to its results. It is removed in any case.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bacalhau_receipt::{Job, Limit, Outcome, Receipt, Unclaimed};
use bacalhau_runtime::{Error, Refusal, claim_results, identities};
use bacalhau_tree::{Control, Deadline, HostFailure};
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
use super::{container_config, inputs};
use bacalhau_cas::unixfs::Unpack;
use bacalhau_files::temporary::scrub;
use bacalhau_job::ContainerLimits;

/// Interval at which cancellation is checked.
const BEAT: Duration = Duration::from_millis(100);
/// How long to wait for the engine's out-of-memory report after a failed container.
const OOM_PATIENCE: Duration = Duration::from_secs(1);
/// Exit code of a program killed by SIGKILL.
const KILLED: u32 = 128 + 9;
/// Runs of a container that ends with [`KILLED`] and without an out-of-memory report. On a busy host containerd loses the
/// report of one killed container in 30, and the same program would have one outcome here and another there.
const RUNS: u32 = 3;
/// Pause between measurements of outputs, as a multiple of their duration.
const REST: u32 = 20;

/// Unclaimed details of the end.
struct Ended {
    outcome: Outcome,
    notes: Vec<String>,
}

/// Temporary files of a run, removed with it.
struct Workplace(PathBuf);

impl Drop for Workplace {
    fn drop(&mut self) {
        if let Err(error) = scrub(&self.0) {
            tracing::warn!("temporary files of a container in {} could not be removed: {error}", self.0.display());
        }
    }
}

/// Runs a container; see [`Docker::run`].
pub(super) fn run(docker: &Docker, container: &Container<'_>) -> Result<Receipt, Error> {
    let Container { spec, job, inputs, dir, deadline, .. } = container;
    job.check_names()?;
    let dir = dir.canonicalize().map_err(|error| HostFailure::at("find", dir, error))?;
    let place = Workplace(dir.join("container"));
    let made = |path: &Path| fs::create_dir(path).map_err(|error| HostFailure::at("make", path, error));
    made(&place.0)?;
    let image = docker.block_on(until(deadline, docker.have(&spec.image, deadline.left())))??;
    let volumes = image.config.and_then(|config| config.volumes).unwrap_or_default();
    let (trees, copies) = (inputs.trees.clone(), place.0.join("inputs"));
    let showing = deadline
        .begin("prepare the inputs", move |deadline| inputs::show(&trees, &copies, &Unpack::default(), deadline))?;
    let shown = showing.wait()??;
    let hashing = identities(&inputs.trees, deadline)?;
    let begin = |here: &Path| {
        let written = here.join("outputs");
        made(here)?;
        made(&written)?;
        job.outputs.keys().try_for_each(|name| made(&written.join(name)))?;
        let body = container_config::body(docker, container, &shown, &written, &volumes)?;
        docker.block_on(hold_and_watch(docker, container, body, here))
    };
    let here = place.0.join("run");
    let mut ended = begin(&here)?;
    for _ in 1..RUNS {
        if ended.outcome == Outcome::Exit(KILLED) {
            scrub(&here).map_err(|error| HostFailure::at("remove", &here, error))?;
            ended = begin(&here)?;
        }
    }
    if ended.outcome == Outcome::Exit(KILLED) {
        ended.notes.push(format!(
            "the container was killed (exit code {KILLED}) in each of {RUNS} runs, and the engine reported no lack of memory"
        ));
    }
    let found = hashing.wait()??;
    let looking = deadline.begin("check the inputs for changes", move |deadline| {
        shown.iter().try_for_each(|shown| shown.check_unchanged(deadline))
    })?;
    looking.wait()??;
    let job = job.with_identities(found)?;
    let results = fill(&here, &job, &mut ended, deadline)?;
    let claim = claim_results(&results, &dir.join("results"), job, ended.outcome, 0, deadline)?;
    let mut unclaimed = Unclaimed::default();
    unclaimed.version = format!("bacalhau {}, {}", env!("CARGO_PKG_VERSION"), docker.about);
    unclaimed.platform.clone_from(&docker.platform);
    unclaimed.backend = "docker".into();
    unclaimed.module_source = Some(spec.image.clone());
    unclaimed.container = serde_json::to_value(spec).ok();
    unclaimed.notes = ended.notes;
    inputs.record(&mut unclaimed);
    Ok(Receipt::new(claim, unclaimed))
}

/// Assembles the results in a directory of `place`.
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
        // The point where a limit stops it depends on the machine, and so does the content of its outputs.
        if !matches!(ended.outcome, Outcome::Limit(_)) {
            outputs::export(&place.join("outputs").join(name), &folder, &mut left, deadline)?;
        }
    }
    if left.links > 0 {
        ended.notes.push(format!("symbolic links in outputs, which are not kept: {}", left.links));
    }
    if left.others > 0 {
        ended.notes.push(format!("pipes and sockets in outputs, which are not kept: {}", left.others));
    }
    if matches!(ended.outcome, Outcome::Limit(_)) && !job.outputs.is_empty() {
        ended.notes.push(
            "the outputs are empty, because their content is not deterministic when a limit ends a container".into(),
        );
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
        // It may still be running and writing.
        (Ok(Ended { outcome: Outcome::Limit(_), .. }), Err(failure)) => Err(failure.into()),
        (_, Err(failure)) => {
            tracing::warn!("{failure}; removal is retried later, and when this node starts");
            ended
        }
        (_, Ok(())) => ended,
    }
}

/// Starts the container and reads its output until it ends or is stopped.
async fn watch(docker: &Docker, container: &Container<'_>, id: &str, place: &Path) -> Result<Ended, Error> {
    let Container { spec, deadline, .. } = container;
    let client = &docker.client;
    let failed = |what: &str, error: ApiError| HostFailure::new(format!("the engine {what}: {}", words(error)));
    let written = |error| HostFailure::at("write the output of the container to", place, error);
    let mut streams = Streams::new(place, spec.limits.log_bytes, deadline.control()).map_err(written)?;
    let options = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
    let attached = client.attach_container(id, Some(options)).await;
    let mut said = attached.map_err(|error| failed("does not stream the output of the container", error))?.output;
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
                Some(Err(error)) => return Err(failed("ended the stream of the container's output", error).into()),
                Some(Ok(piece)) => {
                    let stderr = matches!(piece, LogOutput::StdErr { .. });
                    if !streams.take(stderr, &piece.into_bytes()).map_err(written)? {
                        return Ok(Ended::by(Limit::LogBytes));
                    }
                }
            },
            ended = end.next(), if runs => match ended {
                // The client library reports an exit code other than 0 as an error. It is handled below.
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
        return Err(HostFailure::new("the engine reports a running container as ended").into());
    }
    if let Some(limit) = over(container, place, streams.taken())? {
        return Ok(Ended::by(limit));
    }
    let code = state.exit_code.and_then(|code| u32::try_from(code).ok());
    let code = code.ok_or_else(|| HostFailure::new("the engine does not report how the container ended"))?;
    Ok(match (state.oom_killed == Some(true), code) {
        (true, 0) => {
            let note = "a process of the container was killed for lack of memory; the container continued and ended \
                with success";
            Ended { outcome: Outcome::Exit(0), notes: vec![note.into()] }
        }
        (true, _) => Ended::by(Limit::Memory),
        (false, code) => Ended { outcome: Outcome::Exit(code), notes: Vec::new() },
    })
}

/// Reads the state of an ended container. The engine learns of out-of-memory kills separately and maybe later; whether
/// a failed container ran out of memory must not depend on timing. See also [`RUNS`].
async fn how_it_ended(docker: &Docker, id: &str) -> Result<ContainerState, HostFailure> {
    let ended = Instant::now();
    loop {
        let said = docker.client.inspect_container(id, None::<InspectContainerOptions>).await;
        let said = said.map_err(|error| {
            HostFailure::new(format!("the engine does not report how the container ended: {}", words(error)))
        })?;
        let state = said.state.unwrap_or_default();
        let is_clear = state.oom_killed == Some(true) || state.exit_code == Some(0);
        if is_clear || ended.elapsed() > OOM_PATIENCE {
            return Ok(state);
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// The limit that the outputs exceed. Exceeding this node's disk for one execution, with `said` bytes of logs, is a
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

/// Awaits `work` until `deadline`.
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

/// A request that the engine rejects as invalid is the job's fault: every engine would reject it.
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
