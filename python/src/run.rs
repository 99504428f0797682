//! A run on a thread of its own, so that the interpreter can wait in steps and handle signals in between.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bacalhau_cas::car::CarFile;
use bacalhau_runtime::{Control, Deadline, Error, HostFailure, HostTree, Inputs, Job, Receipt, Tree};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::archives::only_root;
use crate::convert::{from_python, to_python};
use crate::errors::{Class, exception, host};
use crate::runtime::{Module, Runtime};

/// Maximum timeout of a run in seconds: ten years. Longer ones are not distinguished from it.
const MAX_SECONDS: f64 = 315_360_000.0;

#[pyclass(frozen, module = "bacalhau._native")]
pub(crate) struct Run {
    control: Control,
    end: Arc<End>,
}

/// How the run ended, once it has.
#[derive(Default)]
struct End {
    result: Mutex<Option<Result<Receipt, Error>>>,
    changed: Condvar,
}

/// A source of an input: a path of this machine, or a CAR and the directory of its index.
#[derive(FromPyObject)]
enum Source {
    #[pyo3(transparent)]
    Path(PathBuf),
    #[pyo3(transparent)]
    Car((PathBuf, PathBuf)),
}

#[pymethods]
impl Run {
    #[new]
    fn new(
        py: Python<'_>,
        runtime: &Runtime,
        module: &Module,
        job: &Bound<'_, PyAny>,
        inputs: BTreeMap<String, Source>,
        results: PathBuf,
        timeout: f64,
    ) -> PyResult<Self> {
        let job: Job = from_python("a job", job)?;
        if timeout.is_nan() || timeout < 0.0 {
            return Err(PyValueError::new_err(format!("{timeout} is not a timeout in seconds")));
        }
        let timeout = Duration::from_secs_f64(timeout.min(MAX_SECONDS));
        let inputs = py.detach(move || inputs.into_iter().map(opened).collect::<PyResult<Inputs>>())?;
        let (runtime, module) = (runtime.0.clone(), module.0.clone());
        let (control, end) = (Control::default(), Arc::new(End::default()));
        let run = Self { control: control.clone(), end: Arc::clone(&end) };
        let work = move || {
            let deadline = Deadline::under(&control, timeout);
            let workplace = results.parent().unwrap_or(Path::new("."));
            let execution = runtime.execute_under(&deadline, &module, &job, &inputs, workplace);
            end.set(execution.and_then(|execution| execution.keep(&results)));
        };
        let started = thread::Builder::new().name("bacalhau-run".into()).spawn(work);
        started.map_err(|error| host(&HostFailure::io("start a thread", error)))?;
        Ok(run)
    }

    fn wait(&self, py: Python<'_>, seconds: f64) -> bool {
        let limit = Duration::from_secs_f64(seconds.clamp(0.0, MAX_SECONDS));
        py.detach(|| self.end.wait(limit))
    }

    fn cancel(&self) {
        self.control.cancel();
    }

    fn log<'py>(&self, py: Python<'py>, stderr: bool, offset: u64) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.control.log(stderr, offset, usize::MAX))
    }

    /// Fuel, bytes read, hashed and written, and of memory.
    fn progress(&self) -> (u64, u64, u64, u64, u64) {
        let now = self.control.progress();
        (now.fuel, now.bytes_in, now.bytes_hashed, now.bytes_out, now.memory_bytes)
    }

    fn receipt<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let result = self.end.result.lock().unwrap_or_else(PoisonError::into_inner);
        match &*result {
            Some(Ok(receipt)) => to_python(py, receipt),
            Some(Err(error)) => Err(exception(error)),
            None => Err(PyValueError::new_err("the run has not ended: wait for it first")),
        }
    }
}

impl Drop for Run {
    /// Cancels the run: without a handle, its end cannot be waited for.
    fn drop(&mut self) {
        self.control.cancel();
    }
}

impl End {
    fn set(&self, result: Result<Receipt, Error>) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.changed.notify_all();
    }

    /// Waits for at most `limit`, and returns whether the run has ended.
    fn wait(&self, limit: Duration) -> bool {
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(result, limit, |result| result.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_some()
    }
}

fn opened((place, source): (String, Source)) -> PyResult<(String, Arc<dyn Tree>)> {
    let tree: Arc<dyn Tree> = match source {
        Source::Path(path) => {
            Arc::new(HostTree::open(&path).map_err(|error| host(&HostFailure::at("open", &path, error)))?)
        }
        Source::Car((path, index)) => {
            CarFile::open(&path, &index).and_then(only_root).map_err(|error| Class::Host.of(&error))?
        }
    };
    Ok((place, tree))
}
