//! A node that accepts and runs jobs: connects both state machines to each other, to the disk and to the network.
//!
//! | file | holds |
//! |---|---|
//! | `core`, `outbox` | pure state machines, also used by the simulation |
//! | `event_loop` | the event loop: decide, persist, act |
//! | `daemon` | the handle of a running node |
//! | `work` | the trait of the drivers |
//! | `heartbeat` | heartbeats of executions, on their own thread |
//! | `provided` | log and list of the provider's executions |
//! | `clock`, `thread_pool` | a monotonic clock, a thread pool |

mod clock;
mod core;
mod daemon;
mod errors;
mod event_loop;
mod heartbeat;
mod mailbox;
mod metrics_observer;
mod outbox;
mod provided;
mod specs;
mod thread_pool;
mod waiting;
mod work;

pub use clock::Clock;
pub use core::{Changes, Core, Effect, Input};
pub use daemon::{Daemon, Parts, versions};
pub use errors::{AskError, SubmitError};
pub use heartbeat::{Heartbeat, Schedule};
pub use mailbox::Mailbox;
pub use outbox::{Due, Outbox, OutboxConfig, Transmit, Undelivered};
pub use thread_pool::ThreadPool;
pub use work::Work;
