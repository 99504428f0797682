//! A simulated network in memory: one thread, virtual time, and one seed that determines everything. Nodes are
//! [`Core`](bacalhau_daemon::Core)s, as in the daemon; links, clocks, disks and drivers are simulated, and some nodes are
//! faulty.
//!
//! It runs no jobs: results are names without data, and [`FakeSeal`] does not encrypt. `checks` has the invariants;
//! [`Report`] the outcome.

mod behaviour;
mod checks;
mod churn;
mod config;
mod disk;
mod drivers;
mod event;
pub mod jobs;
mod network;
mod node;
mod observer;
mod report;
mod rng;
mod seal;
mod world;

pub use behaviour::Behaviour;
pub use config::{Churn, Config, Links};
pub use node::BEGINNING_MS;
pub use observer::Observer;
pub use report::Report;
pub use seal::FakeSeal;

/// Runs a simulation to its end. Equal configurations have equal reports.
pub fn simulate(config: &Config) -> Report {
    observe(config, &mut observer::NoObserver)
}

/// As [`simulate`], with an observer.
pub fn observe(config: &Config, observer: &mut dyn Observer) -> Report {
    world::World::new(config, observer).run()
}

#[cfg(test)]
mod tests;
