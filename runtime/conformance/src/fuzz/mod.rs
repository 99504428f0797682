//! Searches for modules that the pass instruments wrongly: generates them from a seed, runs them instrumented on every
//! engine of this machine, and plain on two reference engines. `FUZZING.md` describes the method.
//!
//! | module | content |
//! |---|---|
//! | [`campaign`] | many modules from one seed, on several threads |
//! | [`engines`] | the engines under test and the reference engines |
//! | [`run`] | one instance, some calls, and all that is observable |
//! | [`check`] | the comparison for one module |
//! | [`smith`], [`floats`], [`stack`] | generators of modules |
//! | [`cost`] | another search: for the highest compilation cost |
//! | [`node`], [`shrink`] | programs as trees, and the reduction of a failing one |
//!
//! A campaign does not depend on the clock or on the number of threads: a seed and a number always name the same
//! module, as long as wasm-smith and the generators stay unchanged.

#![allow(clippy::format_push_string, reason = "programs are put together as text, and nobody waits for it")]

pub mod campaign;
pub mod check;
pub mod cost;
pub mod counts;
pub mod dice;
pub mod engines;
pub mod floats;
pub mod node;
pub mod run;
pub mod shrink;
pub mod smith;
pub mod stack;
mod target;

pub use target::Target;
