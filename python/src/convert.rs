//! Values with many fields, as JSON between the interpreter's dictionaries and our types.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::errors::Class;

/// Maximum size of a value from the interpreter as JSON, in bytes: that of a receipt with some 100,000 files.
const MAX_BYTES: usize = 64 << 20;

/// The Python value of `value`.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let json = serde_json::to_vec(value).map_err(|error| PyValueError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (PyBytes::new(py, &json),))
}

/// The JSON of a Python value.
pub(crate) fn to_json(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let json: String = value.py().import("json")?.call_method1("dumps", (value,))?.extract()?;
    if json.len() > MAX_BYTES {
        let length = json.len();
        return Err(PyValueError::new_err(format!(
            "the value has {length} bytes as JSON, and {MAX_BYTES} are allowed"
        )));
    }
    Ok(json)
}

/// The value of type `T` in a Python value. `what` names it in errors, which are refusals.
pub(crate) fn from_python<T: DeserializeOwned>(what: &str, value: &Bound<'_, PyAny>) -> PyResult<T> {
    serde_json::from_str(&to_json(value)?).map_err(|error| Class::Refused.of(&format!("not {what}: {error}")))
}
