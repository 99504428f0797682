//! Faults one by one and together, at a size at which many seeds can be tried.

use super::*;
use crate::{Churn, Links};
use bacalhau_job::JobState;

/// Forty nodes that share eight data sets and sixty jobs.
fn small(seed: u64) -> Config {
    Config {
        seed,
        nodes: 40,
        requesters: 10,
        first_provider: 5,
        data_sets: 8,
        holders: 8,
        jobs: 60,
        max_shards: 3,
        submitting_ms: 300_000,
        deal: super::super::jobs::deal(3, 2, 3),
        ..Config::default()
    }
}

fn lossy() -> Links {
    Links { delay_ms: (5, 2_000), loss: 0.1, duplicates: 0.1, timeout_ms: 10_000 }
}

fn churn() -> Churn {
    Churn {
        until_ms: 400_000,
        crashes: 40,
        down_ms: 60_000,
        deaths: 4,
        half_done: 0.002,
        partitions: 2,
        partition_ms: 30_000,
    }
}

#[test]
fn where_nothing_goes_wrong_every_job_is_completed() {
    for at in 0..5 {
        let report = run(&small(seed(100 + at)));
        assert_eq!(report.jobs.get(&JobState::Completed), Some(&60), "{report}");
    }
}

#[test]
fn lost_late_and_doubled_messages_cost_time_and_no_job() {
    for at in 0..5 {
        let report = run(&Config { links: lossy(), ..small(seed(200 + at)) });
        assert_eq!(report.jobs.get(&JobState::Completed), Some(&60), "{report}");
    }
}

#[test]
fn private_jobs_are_fetched_by_those_who_run_them_and_given_back_where_their_data_is_not() {
    for at in 0..5 {
        let private = |config: Config| run(&Config { private: true, ..config });
        let report = private(Config { links: lossy(), holders: 35, ..small(seed(250 + at)) });
        assert_eq!(report.jobs.get(&JobState::Completed), Some(&60), "{report}");
        let report = private(Config { links: lossy(), churn: churn(), holders: 15, ..small(seed(260 + at)) });
        assert!(report.jobs.get(&JobState::Completed).is_some_and(|completed| *completed > 0), "{report}");
        let ended: usize = report.jobs.values().sum();
        assert_eq!(ended + report.orphans, 60, "{report}");
    }
}

#[test]
fn clocks_that_differ_do_no_harm() {
    for at in 0..3 {
        let report = run(&Config { clock_skew_ms: 86_400_000, ..small(seed(300 + at)) });
        assert_eq!(report.jobs.get(&JobState::Completed), Some(&60), "{report}");
    }
}

#[test]
fn crashes_at_any_moment_lose_no_job() {
    for at in 0..10 {
        let churn = Churn { deaths: 0, partitions: 0, half_done: 0.01, ..churn() };
        let report = run(&Config { churn, ..small(seed(400 + at)) });
        assert!(report.crashes > 30, "{report}");
    }
}

#[test]
fn everything_at_once() {
    for at in 0..20 {
        let report = run(&Config {
            links: lossy(),
            churn: churn(),
            clock_skew_ms: 300_000,
            host_failures: 0.05,
            cancelled: 0.1,
            ..small(seed(500 + at))
        });
        let ended: usize = report.jobs.values().sum();
        assert_eq!(ended + report.orphans, 60, "{report}");
    }
}

#[test]
fn the_same_seed_is_the_same_story() {
    let config = |seed| Config { links: lossy(), churn: churn(), cancelled: 0.1, ..small(seed) };
    let first = run(&config(seed(7)));
    assert_eq!(first, run(&config(first.seed)));
    assert_ne!(first.trace, run(&config(first.seed + 1)).trace);
}

#[test]
fn what_is_written_late_to_be_quicker_is_the_same() {
    let config = Config { links: lossy(), churn: churn(), ..small(seed(8)) };
    let quick = Config { write_everything: false, ..config.clone() };
    assert_eq!(run(&config).trace, run(&quick).trace);
}
