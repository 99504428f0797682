//! A network in memory, for as many nodes as fit: one thread, virtual time, and one seed from which everything follows.
//! Nodes are [`Core`](crate::daemon::Core)s, the same that the daemon drives; their links, clocks, disks and drivers are
//! made up here, and some of the nodes are made up to cheat.
//!
//! Nothing here is for running jobs: results are names and not data, and [`FakeSeal`] hides nothing. What is judged at
//! every step is in `checks`; what came of a simulation is its [`Report`].

mod behaviour;
mod checks;
mod churn;
mod config;
mod dice;
mod disk;
mod drivers;
mod event;
pub(crate) mod jobs;
mod network;
mod node;
mod report;
mod seal;
mod world;

pub use behaviour::Behaviour;
pub use config::{Churn, Config, Links};
pub use report::Report;
pub use seal::FakeSeal;

/// Runs a simulation to its end. The same configuration gives the same report.
pub fn simulate(config: &Config) -> Report {
    world::World::new(config).run()
}

#[cfg(test)]
mod tests;
