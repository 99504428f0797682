//! Receipts, jobs and modules as data: nothing is run here.

use bacalhau_identity::receipts;
use bacalhau_receipt::{Job, Limits, Profile, Receipt};
use bacalhau_runtime::{profile_of, to_binary};
use bacalhau_tree::{Cid, Link};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::{to_json, to_python};
use crate::errors::Class;

/// The receipt in a dictionary; its job must be the one that it names.
pub(crate) fn receipt_of(value: &Bound<'_, PyAny>) -> PyResult<Receipt> {
    parsed(to_json(value)?.as_bytes())
}

fn parsed(bytes: &[u8]) -> PyResult<Receipt> {
    Receipt::parse(bytes).map_err(|error| Class::Verification.of(&error))
}

#[pyfunction]
pub(crate) fn parse_receipt<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    to_python(py, &parsed(data)?)
}

#[pyfunction]
pub(crate) fn check_signatures(receipt: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let signers = receipts::check(&receipt_of(receipt)?).map_err(|error| Class::Verification.of(&error))?;
    Ok(signers.iter().map(ToString::to_string).collect())
}

#[pyfunction]
pub(crate) fn differences<'py>(
    py: Python<'py>,
    receipt: &Bound<'py, PyAny>,
    other: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    to_python(py, &receipt_of(receipt)?.differences(&receipt_of(other)?))
}

#[pyfunction]
pub(crate) fn default_job<'py>(py: Python<'py>, module: &str, profile: &str) -> PyResult<Bound<'py, PyAny>> {
    let cid: Cid =
        module.parse().map_err(|error| PyValueError::new_err(format!("{module:?} is not a CID: {error}")))?;
    let known = Profile::ALL.iter().find(|known| known.name == profile);
    let profile = known.ok_or_else(|| {
        let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name).collect();
        PyValueError::new_err(format!("unknown profile {profile:?}: this version has {}", names.join(" and ")))
    })?;
    let mut job = Job::new(Link::from(cid));
    job.profile = profile.id();
    to_python(py, &job)
}

#[pyfunction]
pub(crate) fn describe_module(py: Python<'_>, wasm: &[u8]) -> PyResult<(String, &'static str)> {
    py.detach(|| {
        let binary = to_binary(wasm, Limits::default().module_bytes).map_err(|refusal| Class::Refused.of(&refusal))?;
        Ok((Link::of_raw(&binary).to_string(), profile_of(&binary).name))
    })
}

#[pyfunction]
pub(crate) fn is_cid(text: &str) -> bool {
    text.parse::<Cid>().is_ok()
}
