//! A run: start it, watch it, read or keep its results.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{Job, Results, RunState};

use crate::data::{Bytes, View, clear, clear_bytes, free, give, give_bytes, handle};
use crate::inputs::Inputs;
use crate::module::Module;
use crate::receipt::Receipt;
use crate::runtime::Runtime;
use crate::status::{BH_PENDING, Error, guard};

/// A run of a program.
#[derive(Debug)]
pub struct Run {
    run: bacalhau_runtime::Run,
    fuel_limit: u64,
}

/// bh_progress.state: it waits for a thread or for memory.
pub const BH_QUEUED: u32 = 0;
/// bh_progress.state: it is in progress.
pub const BH_RUNNING: u32 = 1;
/// bh_progress.state: it has results or an error.
pub const BH_ENDED: u32 = 2;

/// How far a run is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// sizeof of this struct, set by the caller.
    pub size: usize,
    /// Fuel used, as of the program's latest call of the host.
    pub fuel_used: u64,
    /// The limit of the job.
    pub fuel_limit: u64,
    /// Bytes that the program has read from inputs.
    pub bytes_in: u64,
    /// Bytes of inputs and results that were hashed.
    pub bytes_hashed: u64,
    /// Bytes of the program's files, standard output and standard error included.
    pub bytes_out: u64,
    /// Bytes of the program's memories.
    pub memory_bytes: u64,
    /// BH_QUEUED, BH_RUNNING or BH_ENDED.
    pub state: u32,
    /// 0.
    pub reserved: u32,
}

/// Starts a run of `module`, or appends it to the queue of the runtime.
///
/// `job_json` is empty or a JSON object with what differs from the defaults (bh_job_normalize shows all fields). `inputs` may
/// be NULL; inputs that the job does not name are added to it without a required content. `timeout_ms` counts from when the
/// run begins, and includes hashing; UINT64_MAX: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_run_new(
    runtime: *const Runtime,
    module: *const Module,
    job_json: View,
    inputs: *const Inputs,
    timeout_ms: u64,
    out: *mut *mut Run,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (runtime, Module(module), text, inputs) = unsafe {
            clear(out);
            (handle(runtime, "runtime")?, handle(module, "module")?, job_json.bytes("job_json")?, inputs.as_ref())
        };
        let module_cid = module.cid();
        let mut job = if text.is_empty() { Job::new(module_cid) } else { Job::from_json(text, Some(module_cid))? };
        let inputs = inputs.map(Inputs::now).unwrap_or_default();
        for at in inputs.keys() {
            job.inputs.entry(at.clone()).or_default();
        }
        let fuel_limit = job.limits.fuel;
        let run = runtime.pool.start(module, job, inputs, milliseconds(timeout_ms))?;
        // SAFETY: by the rules of the header.
        unsafe { give(out, Run { run, fuel_limit }) };
        Ok(())
    })
}

/// Waits until a run has ended, at most `timeout_ms` milliseconds (UINT64_MAX: as long as it takes). Returns BH_OK if it has
/// results, whatever the outcome of the program; BH_PENDING if it has not ended; else what it failed with. May be called
/// again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_run_wait(run: *const Run, timeout_ms: u64, err: *mut *mut Error) -> i32 {
    let mut pending = false;
    let status = guard(err, || {
        // SAFETY: by the rules of the header.
        let run = unsafe { handle(run, "run") }?;
        let ended = if timeout_ms == u64::MAX {
            Some(run.run.wait())
        } else {
            run.run.wait_for(Duration::from_millis(timeout_ms))
        };
        match ended {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err((&*error).into()),
            None => {
                pending = true;
                Ok(())
            }
        }
    });
    if pending { BH_PENDING } else { status }
}

/// Cancels a run and returns at once. It ends with BH_CANCELLED, unless it has just completed. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_run_cancel(run: *const Run) {
    guard(std::ptr::null_mut(), || {
        // SAFETY: by the rules of the header.
        unsafe { handle(run, "run") }?.run.cancel();
        Ok(())
    });
}

/// Stores how far a run is. Takes no lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_run_progress(run: *const Run, out: *mut Progress, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header; `size` is the first field of all versions.
        let (run, size) = unsafe { (handle(run, "run")?, *handle(out.cast::<usize>(), "out")?) };
        let wanted = size_of::<Progress>();
        if size != wanted {
            return Err(Error::misuse(format!("out has size {size}: set it to sizeof(bh_progress), {wanted}")));
        }
        let progress = run.run.progress();
        let state = match run.run.state() {
            RunState::Queued => BH_QUEUED,
            RunState::Running => BH_RUNNING,
            RunState::Ended => BH_ENDED,
        };
        let progress = Progress {
            size,
            fuel_used: progress.fuel,
            fuel_limit: run.fuel_limit,
            bytes_in: progress.bytes_in,
            bytes_hashed: progress.bytes_hashed,
            bytes_out: progress.bytes_out,
            memory_bytes: progress.memory_bytes,
            state,
            reserved: 0,
        };
        // SAFETY: it has the size of this version.
        unsafe { out.write(progress) };
        Ok(())
    })
}

/// At most `most` bytes of standard output (`stream` 1) or standard error (2) from `offset` on, while the program runs or
/// afterwards. Only the first MiB of each; all is in the results.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_run_log(
    run: *const Run,
    stream: i32,
    offset: u64,
    most: usize,
    out: *mut Bytes,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let run = unsafe {
            clear_bytes(out);
            handle(run, "run")?
        };
        if !(1..=2).contains(&stream) {
            return Err(Error::misuse(format!("stream is {stream}: 1 is standard output, 2 is standard error")));
        }
        // SAFETY: by the rules of the header.
        unsafe { give_bytes(out, run.run.control().log(stream == 2, offset, most)) };
        Ok(())
    })
}

/// At most `most` bytes of the file `name` of the results (`stdout`, `stderr`, `exitCode`, `outputs/…`) from `offset` on; fewer
/// only at its end. The claim of the receipt lists the files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_run_result_read(
    run: *const Run,
    name: View,
    offset: u64,
    most: usize,
    out: *mut Bytes,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        unsafe {
            clear_bytes(out);
            give_bytes(out, results(run)?.read(name.text("name")?, offset, most)?);
        }
        Ok(())
    })
}

/// Moves the results to the new directory `dir`, whose parent exists. Otherwise they are removed with the run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_run_keep(run: *const Run, dir: View, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        Ok(unsafe { results(run)?.keep(Path::new(dir.text("dir")?)) }?)
    })
}

/// The receipt of a run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_run_receipt(run: *const Run, out: *mut *mut Receipt, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        unsafe {
            clear(out);
            give(out, Receipt(results(run)?.receipt().clone()));
        }
        Ok(())
    })
}

/// Cancels a run that has not ended, waits for it and frees it with the results that were not kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_run_free(run: *mut Run) {
    // SAFETY: by the rules of the header.
    if let Ok(run) = unsafe { handle(run, "run") } {
        run.run.cancel();
        // What it ended with is not wanted.
        let _ = run.run.wait();
    }
    // SAFETY: by the rules of the header.
    unsafe { free(run) }
}

/// The results of a run that has ended with some.
///
/// # Safety
/// As for `handle`.
unsafe fn results(run: *const Run) -> Result<Arc<Results>, Error> {
    // SAFETY: as promised by the caller.
    let run = unsafe { handle(run, "run") }?;
    match run.run.wait_for(Duration::ZERO) {
        Some(Ok(results)) => Ok(results),
        Some(Err(error)) => Err((&*error).into()),
        None => Err(Error::misuse("the run has not ended: wait for it with bh_run_wait")),
    }
}

fn milliseconds(count: u64) -> Duration {
    if count == u64::MAX { Duration::MAX } else { Duration::from_millis(count) }
}
