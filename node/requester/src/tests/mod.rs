//! Whole jobs, played through the machine.

mod audits;
mod declines;
mod fair;
mod hostile;
mod jobs;
mod operators;
mod parties;
mod properties;
mod queue;
mod restart;
mod time;
pub(super) mod world;
