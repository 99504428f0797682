//! A large network on a bad day.

use std::time::Instant;

use super::*;
use crate::{Behaviour, Churn, Links};
use bacalhau_job::JobState;

#[test]
fn a_thousand_nodes_and_ten_thousand_jobs() {
    let config = Config {
        seed: seed(1),
        nodes: 1_000,
        requesters: 200,
        first_provider: 100,
        data_sets: 300,
        holders: 12,
        curious: 0.001,
        jobs: 10_000,
        submitting_ms: 2 * 3_600_000,
        deal: super::super::jobs::deal(3, 2, 3),
        cancelled: 0.01,
        run_ms: (1_000, 60_000),
        timeout_seconds: 120,
        host_failures: 0.01,
        links: Links { delay_ms: (5, 500), loss: 0.01, duplicates: 0.01, timeout_ms: 10_000 },
        churn: Churn {
            until_ms: 2 * 3_600_000,
            crashes: 1_000,
            down_ms: 300_000,
            deaths: 50,
            half_done: 0.0001,
            partitions: 3,
            partition_ms: 60_000,
        },
        clock_skew_ms: 3_600_000,
        behaviours: vec![
            (Behaviour::WrongResult, 30),
            (Behaviour::Colluder, 30),
            (Behaviour::Copycat, 10),
            (Behaviour::Replayer, 10),
            (Behaviour::SilentAfterBid, 10),
            (Behaviour::Slow, 10),
            (Behaviour::WrongPublisher, 10),
            (Behaviour::Equivocator, 10),
            (Behaviour::Flooder, 5),
        ],
        end_ms: 12 * 3_600_000,
        write_everything: false,
        keep_records: false,
        ..Config::default()
    };
    let began = Instant::now();
    let report = run(&config);
    println!("in {:?}", began.elapsed());
    let completed = report.jobs.get(&JobState::Completed).copied().unwrap_or(0);
    assert!(completed > 9_500, "{report}");
}
