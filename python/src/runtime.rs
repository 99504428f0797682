//! Compiles modules.

use std::path::PathBuf;

use bacalhau_runtime::{Backend, Options, Tier};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::{exception, host};

#[pyclass(frozen, module = "bacalhau._native")]
pub(crate) struct Runtime(pub(crate) bacalhau_runtime::Runtime);

#[pyclass(frozen, module = "bacalhau._native")]
pub(crate) struct Module(pub(crate) bacalhau_runtime::Module);

#[pymethods]
#[allow(clippy::field_reassign_with_default, reason = "options may get fields, so they are set one by one")]
impl Runtime {
    #[new]
    #[pyo3(signature = (cache_dir=None, tier="auto"))]
    fn new(cache_dir: Option<PathBuf>, tier: &str) -> PyResult<Self> {
        let tier = match tier {
            "auto" => Tier::Auto,
            "optimized" => Tier::Only(Backend::Optimized),
            "baseline" => Tier::Only(Backend::Baseline),
            "interpreter" => Tier::Only(Backend::Interpreter),
            other => {
                let text = format!("unknown tier {other:?}: use auto, optimized, baseline or interpreter");
                return Err(PyValueError::new_err(text));
            }
        };
        let mut options = Options::default();
        options.cache_dir = cache_dir;
        options.tier = tier;
        bacalhau_runtime::Runtime::new(&options).map(Self).map_err(|failure| host(&failure))
    }

    fn load(&self, py: Python<'_>, wasm: &[u8]) -> PyResult<Module> {
        py.detach(|| self.0.load(wasm)).map(Module).map_err(|error| exception(&error))
    }
}

#[pymethods]
impl Module {
    #[getter]
    fn cid(&self) -> String {
        self.0.cid().to_string()
    }

    #[getter]
    fn profile(&self) -> &'static str {
        self.0.profile().name
    }

    #[getter]
    fn entry_points(&self) -> Vec<String> {
        self.0.entry_points()
    }

    #[getter]
    fn is_from_cache(&self) -> bool {
        self.0.is_from_cache()
    }

    fn settle(&self, py: Python<'_>) {
        py.detach(|| self.0.settle());
    }

    fn __repr__(&self) -> String {
        format!("Module({})", self.0.cid())
    }
}
