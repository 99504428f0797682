//! The module `bacalhau._native` of the Python package: the runtime in the process of the interpreter, keys and signatures, and
//! archives of blocks. `bacalhau/_native.pyi` has its types and documentation; the rest of the package is Python.
//!
//! Values with many fields (jobs, receipts) cross as JSON. Everything that takes time releases the interpreter.

mod archives;
mod convert;
mod errors;
mod identity;
mod receipts;
mod run;
mod runtime;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::archives::{pack, unpack};
    #[pymodule_export]
    use super::identity::Identity;
    #[pymodule_export]
    use super::receipts::{check_signatures, default_job, describe_module, differences, is_cid, parse_receipt};
    #[pymodule_export]
    use super::run::Run;
    #[pymodule_export]
    use super::runtime::{Module, Runtime};
}
