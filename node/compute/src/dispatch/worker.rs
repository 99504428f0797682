//! The worker: runs the execution of a job file with its limits, and leaves results and a report.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, SystemTime};

use bacalhau_cluster::{Place, attempt_name};
use bacalhau_files::temporary::scrub;
use bacalhau_runtime::Error;
use bacalhau_storage::{OpenInputs, open_copy};
use bacalhau_tree::{Control, Deadline, HostFailure};

use super::super::execution_context::ExecutionContext;
use super::super::executor::{Executors, Run};
use super::super::module_source::unreadable;
use super::super::policy::source_of;
use super::order::{Order, VERSION, WorkerSettings};
use super::report::{End, Ran, Report};

/// Maximum bytes of each standard stream that are shown while a run continues.
pub(super) const LIVE_BYTES: u64 = 1 << 20;
/// Interval at which they are written.
const LIVE_BEAT: Duration = Duration::from_secs(1);

/// Runs the execution in `dir` as `worker`. `context` makes the execution context by the settings of the front node, in
/// a directory of this machine. Does nothing if there is a report.
///
/// # Errors
/// When there is no report: the job file cannot be read, or nothing can be written. Other failures are in the report.
pub fn execute(
    dir: &Path,
    worker: &str,
    context: impl FnOnce(&WorkerSettings, &Path) -> Result<ExecutionContext, HostFailure>,
) -> Result<(), HostFailure> {
    let place = Place::at(dir.canonicalize().map_err(|error| HostFailure::at("find", dir, error))?);
    let order = Order::read(&place)?;
    if place.is_done() {
        return Ok(());
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let worker = if worker.is_empty() { &host } else { worker };
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let attempt = place.path().join(attempt_name(worker, process::id(), nanos));
    fs::create_dir(&attempt).map_err(|error| HostFailure::at("make the directory", &attempt, error))?;
    let scratch = order.settings.scratch_dir.join(name_of(&host));
    // The module is a file that the front node has written beside the job.
    let mut settings = order.settings.clone();
    settings.local_paths.push(place.module());
    let ended = context(&settings, &scratch).map_err(Error::from);
    let ended = ended.and_then(|context| run(&place, &order, &Arc::new(context), &attempt));
    let end = match ended {
        Ok(ran) => End::Ran(Box::new(ran)),
        Err(Error::Refused(refusal)) => End::Refused(refusal.to_string()),
        Err(Error::Host(failure)) => End::Failed(failure.to_string()),
    };
    Report { version: VERSION, worker: worker.to_owned(), end }.write(&attempt)?;
    if let Err(error) = fs::rename(&attempt, place.done()) {
        // Another attempt that the cluster took for dead was first.
        if !place.is_done() {
            return Err(HostFailure::at("complete the report in", place.path(), error));
        }
        scrub(&attempt).map_err(|error| HostFailure::at("remove", &attempt, error))?;
    }
    Ok(())
}

/// A name that is a directory of one level.
fn name_of(host: &str) -> String {
    let name: String = host.chars().map(|it| if it.is_ascii_alphanumeric() || it == '-' { it } else { '_' }).collect();
    if name.is_empty() { "worker".into() } else { name }
}

fn run(place: &Place, order: &Order, context: &Arc<ExecutionContext>, attempt: &Path) -> Result<Ran, Error> {
    let control = Control::default();
    control.limit_disk(order.disk_bytes);
    let deadline = Deadline::under(&control, Duration::from_secs(order.job.spec().timeout_seconds));
    let inputs = {
        let (context, order, dir) = (Arc::clone(context), order.clone(), place.inputs());
        deadline.begin("open the inputs", move |deadline| open(&context, &order, &dir, deadline))?
    };
    context.preload_inputs(order.job.id, order.execution.shard, inputs.wait()??);
    let executors = Executors::new(Arc::clone(context));
    let executor = executors.of(&order.job.spec().engine).map_err(|error| HostFailure::new(error.to_string()))?;
    let live = Live::begin(&control, attempt).map_err(|error| HostFailure::at("write the log in", attempt, error))?;
    let run = Run { execution: order.execution, job: &order.job, dir: attempt, deadline: &deadline };
    let ended = executor.execute(&run);
    drop(live);
    let (receipt, calls) = ended?;
    Ok(Ran { receipt, calls })
}

/// Opens the inputs: copies where the front node has made some, and otherwise their sources.
fn open(context: &ExecutionContext, order: &Order, dir: &Path, deadline: &Deadline) -> Result<OpenInputs, Error> {
    let shard = usize::try_from(order.execution.shard).unwrap_or(usize::MAX);
    let (sources, verified) = (context.sources(), order.job.spec().verified_inputs);
    let mut inputs = OpenInputs::default();
    for spec in order.job.shards.get(shard).into_iter().flatten() {
        deadline.check()?;
        let source = source_of(sources, verified, spec).map_err(|error| unreadable(&error))?;
        let opened = match order.copies.get(&spec.target) {
            Some(copy) => open_copy(&source, &dir.join(name_of(&copy.name)))?,
            None => bacalhau_storage::Storage::open(&**sources, &source)?,
        };
        inputs.insert(spec.target.clone(), &source, opened);
    }
    Ok(inputs)
}

/// Writes the standard streams of a run into files, until it is dropped.
struct Live {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Live {
    fn begin(control: &Control, attempt: &Path) -> io::Result<Self> {
        let paths = [false, true].map(|stderr| Place::live(attempt, stderr));
        let files: Vec<File> = paths.iter().map(File::create_new).collect::<io::Result<_>>()?;
        let (stop, stopped) = mpsc::channel::<()>();
        let control = control.clone();
        let write = move || {
            let mut files: Vec<(File, u64)> = files.into_iter().map(|file| (file, 0)).collect();
            loop {
                let ends = stopped.recv_timeout(LIVE_BEAT) != Err(RecvTimeoutError::Timeout);
                for (stderr, (file, written)) in [false, true].into_iter().zip(&mut files) {
                    let room = usize::try_from(LIVE_BYTES - *written).unwrap_or_default();
                    let bytes = control.log(stderr, *written, room);
                    // The log is for people; the results have all of it.
                    if file.write_all(&bytes).is_ok() {
                        *written += bytes.len() as u64;
                    }
                }
                if ends {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("log".into()).spawn(write)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has printed its message.
            let _ = thread.join();
        }
    }
}
