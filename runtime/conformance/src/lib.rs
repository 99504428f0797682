//! Checks that Profile V1 is a property of the instrumented module, not of an engine: every engine of this machine must
//! produce byte-equal claims for one corpus of cases.
//!
//! | module | holds |
//! |---|---|
//! | [`case`] | a case: a module, a call, and its limits |
//! | [`claim`] | the outcome as one line of JSON |
//! | [`backend`] | the engines with minimal settings |
//! | `fuzz` | random modules, compared with reference engines |
//! | [`corpus`] | the cases: guests by hand, every operator on NaN, generated programs |
//! | [`operators`] | the operators of the language and their costs |
//! | [`jobs`] | the examples, as whole jobs in the runtime |
//! | [`matrix`] | all cases on one engine, and differences of claims |
//! | [`golden`] | the golden files |
//!
//! Except for `jobs` it uses only `instrument` of the runtime: a starting point for implementing another host.

pub mod backend;
pub mod case;
pub mod claim;
pub mod corpus;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod golden;
pub mod jobs;
pub mod matrix;
pub mod operators;

pub use backend::{Backend, Compiled};
pub use case::{Case, DEFAULT_STACK_SLOTS};
pub use claim::Claim;
