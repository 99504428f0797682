//! Fair draws where messages are lost and nodes come and go: each job ends, and each draw can be repeated from its record.

use super::*;
use crate::{Churn, FakeSeal, Links};
use bacalhau_job::{DrawMode, JobState, Randomness};
use bacalhau_requester::{RequesterConfig, repeat_by};
use bacalhau_verify::Seal as _;

const JOBS: usize = 40;

fn small(seed: u64) -> Config {
    Config {
        seed,
        nodes: 30,
        requesters: 8,
        first_provider: 5,
        data_sets: 6,
        holders: 10,
        jobs: JOBS,
        max_shards: 3,
        submitting_ms: 300_000,
        deal: super::super::jobs::deal(3, 2, 3).with_draw(Some(DrawMode::Fair)),
        // Lost messages are sent again after some seconds.
        requester: RequesterConfig { reveal_ms: 5_000, ..RequesterConfig::default() },
        ..Config::default()
    }
}

fn repeats(report: &Report) -> usize {
    let signed =
        |signer: &libp2p::PeerId, text: &[u8], with: &str| FakeSeal::new(*signer, 0).is_signed(signer, text, with);
    let mut draws = 0;
    for record in &report.records {
        let repeated = repeat_by(record, signed).unwrap_or_else(|why| panic!("{why}: {record:#?}"));
        assert!(repeated.iter().all(|draw| draw.randomness == Some(Randomness::Reveal)), "{record:#?}");
        draws += repeated.len();
    }
    draws
}

#[test]
fn where_nothing_goes_wrong_every_job_is_drawn_once_and_completed() {
    for at in 0..3 {
        let report = run(&small(seed(1100 + at)));
        assert_eq!(report.jobs.get(&JobState::Completed), Some(&JOBS), "{report}");
        let shards: usize = report.records.iter().map(|record| record.shards.len()).sum();
        assert_eq!(repeats(&report), shards, "{report}");
        assert!(report.records.iter().all(|record| record.fair.as_ref().unwrap().rounds.len() == 1), "{report}");
    }
}

#[test]
fn each_draw_can_be_repeated_whatever_is_lost_and_whoever_crashes() {
    let links = Links { delay_ms: (5, 800), loss: 0.05, duplicates: 0.1, timeout_ms: 2_000 };
    let churn = Churn {
        until_ms: 400_000,
        crashes: 40,
        down_ms: 30_000,
        deaths: 3,
        half_done: 0.005,
        partitions: 1,
        partition_ms: 20_000,
    };
    for at in 0..10 {
        let report = run(&Config {
            links: links.clone(),
            churn: churn.clone(),
            clock_skew_ms: 300_000,
            host_failures: 0.05,
            cancelled: 0.05,
            ..small(seed(1200 + at))
        });
        let ended: usize = report.jobs.values().sum();
        assert_eq!(ended + report.orphans, JOBS, "{report}");
        assert!(repeats(&report) > JOBS, "{report}");
        let completed = report.jobs.get(&JobState::Completed).copied().unwrap_or_default();
        assert!(completed > JOBS / 2, "{report}");
    }
}
