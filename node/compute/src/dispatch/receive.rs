//! Takes results from the shared directory: what is there is compared with the report, and the report with the job.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bacalhau_cluster::Place;
use bacalhau_receipt::{CallTrail, Claim, Receipt, ResultFile};
use bacalhau_runtime::{Error, Refusal};
use bacalhau_tree::{Control, Deadline, HostFailure, dirhash};

use super::super::executor::Run;
use super::order::Order;
use super::report::{End, Ran, Report};
use bacalhau_files::temporary::scrub;

/// Maximum files and directories of results.
const MAX_ENTRIES: u64 = 1_000_000;
/// Maximum nesting of directories in results.
const MAX_DEPTH: u32 = 256;
/// Maximum bytes of a worker's log that are quoted.
const QUOTED_BYTES: u64 = 300;

/// The receipt in the report of the worker, with its results moved to the directory of `run`.
///
/// # Errors
/// The failure of the worker, or when the results are not those of the report, or the report is for another job.
pub(super) fn receive(place: &Place, order: &Order, run: &Run<'_>) -> Result<(Receipt, CallTrail), Error> {
    let done = place.done();
    let Report { worker, end, .. } = Report::read(&done)?;
    let Ran { mut receipt, calls } = match end {
        End::Ran(ran) => *ran,
        End::Refused(why) => return Err(Refusal::job(why).into()),
        End::Failed(why) => return Err(HostFailure::new(format!("worker {worker}: {why}")).into()),
    };
    let wrong = |what: &str| HostFailure::new(format!("the report of worker {worker} {what}: it is not used"));
    check_job(&receipt.claim, run).map_err(wrong)?;
    let results = run.dir.join("results");
    let moved = take(&done.join("results"), &results, order.disk_bytes, run.deadline)
        .and_then(|()| check_results(&receipt.claim, &results, run.deadline).map_err(|what| wrong(&what)));
    if let Err(failure) = moved {
        scrub(&results).map_err(|error| HostFailure::at("remove", &results, error))?;
        return Err(failure.into());
    }
    tracing::info!(execution = %run.execution, worker, "a worker has ended an execution");
    receipt.signatures.clear();
    receipt.unclaimed.module_source = Some(order.module_source.clone());
    for (target, copy) in &order.copies {
        receipt.unclaimed.input_sources.insert(target.clone(), copy.source.clone());
        receipt.unclaimed.input_services.insert(target.clone(), copy.services.clone());
    }
    Ok((receipt, calls))
}

/// Whether a claim is for the task of `run`. Only the hashes of its inputs are the worker's.
fn check_job(claim: &Claim, run: &Run<'_>) -> Result<(), &'static str> {
    let mut task = run.job.task(run.execution.shard).ok_or("is for an unknown shard")?;
    for (target, hash) in &mut task.inputs {
        hash.clone_from(claim.job.inputs.get(target).unwrap_or(&None));
    }
    if task != claim.job || task.inputs.values().any(Option::is_none) {
        return Err("is for another job");
    }
    match claim.job.cid() {
        Ok(cid) if cid == claim.job_cid => Ok(()),
        _ => Err("has a wrong CID of its job"),
    }
}

/// Whether `results` are those of a claim.
fn check_results(claim: &Claim, results: &Path, deadline: &Deadline) -> Result<(), String> {
    let hashed = dirhash::hash_dir_until(results, "results", deadline)
        .map_err(|error| format!("has results that cannot be hashed ({error})"))?;
    if hashed.h1 != claim.h1 {
        return Err(format!("claims {}, but its results have {}", claim.h1, hashed.h1));
    }
    let files: Vec<ResultFile> = hashed.files.iter().map(ResultFile::from).collect();
    if files == claim.files { Ok(()) } else { Err("lists other files than its results have".into()) }
}

/// Moves a directory of files and directories, by renaming it where both are on one file system.
fn take(from: &Path, to: &Path, mut room: u64, deadline: &Deadline) -> Result<(), HostFailure> {
    let mut entries = MAX_ENTRIES;
    check_tree(from, &mut entries, &mut room, MAX_DEPTH, deadline)
        .map_err(|error| HostFailure::at("take the results of a worker from", from, error))?;
    if fs::rename(from, to).is_ok() {
        return Ok(());
    }
    copy(from, to, deadline).map_err(|error| HostFailure::at("copy the results of a worker to", to, error))
}

/// Checks that there are only files and directories, within these bounds. Links could lead anywhere on this machine.
fn check_tree(dir: &Path, entries: &mut u64, room: &mut u64, depth: u32, deadline: &Deadline) -> io::Result<()> {
    let over = |what: &str| io::Error::other(format!("{what} in {}", dir.display()));
    let is_dir = fs::symlink_metadata(dir)?.is_dir();
    if !is_dir || depth == 0 {
        return Err(over("there is no directory, or too many below each other,"));
    }
    for entry in fs::read_dir(dir)? {
        deadline.check_io()?;
        let entry = entry?;
        *entries = entries.checked_sub(1).ok_or_else(|| over("there are too many files"))?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            check_tree(&entry.path(), entries, room, depth - 1, deadline)?;
        } else if metadata.is_file() {
            *room = room.checked_sub(metadata.len()).ok_or_else(|| over("there are more bytes than allowed"))?;
        } else {
            return Err(over("there is something other than files and directories"));
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, deadline: &Deadline) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        deadline.check_io()?;
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target, deadline)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// A failure with the end of what the scheduler has logged of the worker.
pub(super) fn with_log(place: &Place, failure: HostFailure) -> HostFailure {
    if failure.is_cancelled() || failure.is_timeout() {
        return failure;
    }
    let log = || {
        let mut file = File::open(place.worker_log()).ok()?;
        let from = file.metadata().ok()?.len().saturating_sub(QUOTED_BYTES);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        file.take(QUOTED_BYTES).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes).trim().replace('\n', "; ");
        (!text.is_empty()).then_some(text)
    };
    match log() {
        Some(log) => HostFailure::new(format!("{failure}; its log ends with: {log}")),
        None => failure,
    }
}

/// The standard streams of a run that continues on a worker.
pub(super) struct Live<'p> {
    place: &'p Place,
    control: Control,
    read: [u64; 2],
}

impl<'p> Live<'p> {
    /// Nothing is read yet.
    pub(super) fn new(place: &'p Place, control: Control) -> Self {
        Self { place, control, read: [0; 2] }
    }

    /// Reads what was written since. A repeated attempt writes the same again, so only what is new is taken.
    pub(super) fn read(&mut self) {
        let done = self.place.done();
        let attempt = if done.is_dir() { Some(done) } else { self.place.latest_attempt() };
        let Some(attempt) = attempt else { return };
        for (stderr, read) in [false, true].into_iter().zip(&mut self.read) {
            let mut bytes = Vec::new();
            let path = Place::live(&attempt, stderr);
            let more = File::open(path).and_then(|mut file| {
                file.seek(SeekFrom::Start(*read))?;
                file.take(super::worker::LIVE_BYTES).read_to_end(&mut bytes)
            });
            // A log that cannot be read does not affect the run.
            if more.is_ok() {
                *read += bytes.len() as u64;
                self.control.wrote(stderr, &bytes);
            }
        }
    }
}
