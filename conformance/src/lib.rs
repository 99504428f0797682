//! Shows that Profile V1 is a property of the instrumented module and not of an engine: one corpus of cases, run by
//! every engine of this machine, has to give equal claims to the byte.
//!
//! | room | holds |
//! |---|---|
//! | [`case`] | what is run: a module, a call, how much it may use |
//! | [`claim`] | what came out, as one line of JSON |
//! | [`backend`] | the engines, each as plain as it can be |
//! | `fuzz` | modules that nobody wrote, against engines that are trusted with one rule each |
//! | [`corpus`] | the cases: guests by hand, every operator on NaN, generated programs |
//! | [`operators`] | the operators of the language, and what each costs |
//! | [`jobs`] | the examples, as whole jobs in the runtime |
//! | [`matrix`] | all cases on one engine; where claims differ |
//! | [`golden`] | the files in which all of it is frozen |
//!
//! But for `jobs` it takes from the runtime nothing but `instrument`: whoever writes another host starts here.

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
pub use case::Case;
pub use claim::Claim;
