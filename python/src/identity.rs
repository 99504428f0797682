//! The key of a client: signs requests and commands.

use std::path::PathBuf;

use bacalhau_job::{Action, JobId, JobSpec, Request, SignedCommand, SignedRequest};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::from_python;
use crate::errors::Class;

#[pyclass(frozen, module = "bacalhau._native")]
pub(crate) struct Identity(bacalhau_identity::Identity);

#[pymethods]
impl Identity {
    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let identity = py.detach(move || bacalhau_identity::Identity::from_file(&path));
        identity.map(Self).map_err(|error| Class::Host.of(&error))
    }

    #[staticmethod]
    fn ephemeral() -> Self {
        Self(bacalhau_identity::Identity::ephemeral())
    }

    #[getter]
    fn peer_id(&self) -> String {
        self.0.peer_id().to_string()
    }

    fn sign_request(&self, spec: &Bound<'_, PyAny>, nonce: String) -> PyResult<String> {
        let spec: JobSpec = from_python("the spec of a job", spec)?;
        let signed = SignedRequest::sign(Request { spec, nonce }, self.0.keypair());
        let signed = signed.and_then(|signed| signed.check().map(|_| signed));
        let signed = signed.map_err(|error| Class::Refused.of(&error))?;
        serde_json::to_string(&signed).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn sign_command(&self, action: &str, job: &str, at_ms: u64) -> PyResult<String> {
        let action = match action {
            "cancel" => Action::Cancel,
            "read" => Action::Read,
            other => return Err(PyValueError::new_err(format!("unknown action {other:?}: use cancel or read"))),
        };
        let job: JobId =
            job.parse().map_err(|error: bacalhau_job::IdError| PyValueError::new_err(error.to_string()))?;
        let signed = SignedCommand::sign(action, job, at_ms, self.0.keypair());
        signed.map(|signed| signed.to_header()).map_err(|error| Class::Host.of(&error))
    }

    fn __repr__(&self) -> String {
        format!("Identity({})", self.0.peer_id())
    }
}
