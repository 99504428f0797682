//! Simulations. `BACALHAU_SIM_SEED` runs all of them with another seed; each prints the one that it ran with.

mod byzantine;
mod checks;
mod cost;
mod fair;
mod faults;
mod large;
mod queue;

use super::{Config, Report, simulate};

/// The seed of the environment, or this one.
fn seed(default: u64) -> u64 {
    match std::env::var("BACALHAU_SIM_SEED") {
        Ok(seed) => seed.parse().expect("BACALHAU_SIM_SEED is a number"),
        Err(_) => default,
    }
}

/// Runs a simulation in which nothing may happen that must not.
fn run(config: &Config) -> Report {
    let report = simulate(config);
    println!("{report}");
    assert_eq!(report.violations, Vec::<String>::new(), "BACALHAU_SIM_SEED={} shows it again", config.seed);
    report
}
