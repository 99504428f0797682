//! One node that takes jobs and runs them: what joins both state machines to each other, to the disk and to the network.
//!
//! | file | holds |
//! |---|---|
//! | `core`, `outbox` | pure, as the machines are: told what happened and what time it is, they answer what is to be done. The simulation drives them as they are |
//! | `turn` | the loop: decide, write, then act |
//! | `daemon` | the handle of a running node |
//! | `work` | what is done outside of decisions: the trait |
//! | `heartbeat` | heartbeats of executions, by a thread that does not wait for the loop |
//! | `provided` | what the provider did: its log, and the list of its executions |
//! | `clock`, `errands` | a time that never goes back, threads for work that waits |

mod clock;
mod core;
mod counting;
#[expect(clippy::module_inception, reason = "the daemon of the room of daemons")]
mod daemon;
mod errands;
mod heartbeat;
mod outbox;
mod provided;
mod specs;
#[cfg(test)]
mod tests;
mod turn;
mod waiting;
mod work;

pub use clock::Clock;
pub use core::{Changes, Core, Effect, Input};
#[cfg(feature = "byzantine")]
pub(crate) use daemon::versions;
pub use daemon::{Daemon, Mailbox, Parts, SubmitError};
pub use errands::Errands;
pub use heartbeat::{Heartbeat, Schedule};
pub use outbox::{Due, Outbox, OutboxConfig, Transmit, Undelivered};
pub use provided::ExecutionQuery;
pub use work::Work;
