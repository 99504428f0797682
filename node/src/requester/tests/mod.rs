//! Whole jobs, played through the machine.

mod declines;
mod hostile;
mod jobs;
mod operators;
mod properties;
mod restart;
mod time;
pub(super) mod world;
