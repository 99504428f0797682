//! Searches for modules that the pass gets wrong: generates them from a seed, runs them as the pass made them on every
//! engine of this machine, and as they were on two engines that are trusted with one rule each. `FUZZING.md` says how.
//!
//! | room | holds |
//! |---|---|
//! | [`campaign`] | many modules from one seed, on several threads |
//! | [`engines`] | the engines under test and those they are compared with |
//! | [`run`] | one instance, some calls, all that can be seen of them |
//! | [`check`] | one module: what has to be equal |
//! | [`smith`], [`floats`], [`stack`] | where modules come from |
//! | [`cost`] | another search: for what costs most to compile |
//! | [`node`], [`shrink`] | programs of ours as trees, and how a failing one is made small |
//!
//! Nothing here depends on the clock or on the number of threads: a seed and a number name a module for good, as long
//! as wasm-smith and the generators stay as they are.

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
