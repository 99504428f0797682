//! One node that takes jobs and runs them: what joins both state machines to each other and to the network.
//!
//! `core` and `outbox` are pure, as the machines are: they are told what happened and what time it is, and answer what is to
//! be done. The simulation of `transport` drives them as they are.

mod core;
mod outbox;

pub use core::{Changes, Core, Effect, Input};
pub use outbox::{Due, Outbox, OutboxConfig, Transmit, Undelivered};
