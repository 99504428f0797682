//! Busy networks: jobs wait for room, and none fails for want of it.

use super::*;
use crate::{Behaviour, Links};
use bacalhau_job::{JobRecord, JobState, Resources, VerifierKind};

/// Two providers with room for four executions each, and many small jobs of one run.
fn busy(jobs: usize) -> Config {
    let config = Config::default();
    let total = Resources { cpu_millis: 4_000, memory_bytes: 4 << 30, disk_bytes: 256 << 30 };
    let compute = bacalhau_compute::ComputeConfig { total, per_job: total, ..config.compute };
    Config {
        seed: seed(1),
        nodes: 3,
        holders: 2,
        jobs,
        submitting_ms: 28_000,
        deal: super::super::jobs::deal(1, 0, 1),
        verifier: VerifierKind::Noop,
        run_ms: (500, 2_000),
        write_everything: false,
        compute,
        ..config
    }
}

fn whys(record: &JobRecord) -> String {
    record.shards.iter().filter_map(|shard| shard.why.clone()).collect::<Vec<_>>().join("; ")
}

#[test]
fn of_three_thousand_jobs_in_half_a_minute_none_fails_for_want_of_room() {
    let report = run(&busy(3_000));
    assert_eq!(report.jobs.get(&JobState::Completed), Some(&3_000), "{report}");
    // Eight at once, 1.25 s each, take 470 s; the bids that are kept as reserves hold room too.
    assert!(report.virtual_ms < 1_500_000, "{} s", report.virtual_ms / 1000);
}

#[test]
fn lost_messages_cost_hardly_a_job() {
    let links = Links { loss: 0.02, duplicates: 0.02, ..Config::default().links };
    let report = run(&Config { links, ..busy(1_000) });
    // An offer that was lost three times in a row is the reason of the others.
    assert!(report.jobs.get(&JobState::Completed) >= Some(&997), "{report}");
}

#[test]
fn a_job_without_data_fails_in_the_time_for_bids_while_others_wait() {
    let config = Config { without_data: 1, submitting_ms: 1_000, ..busy(200) };
    let report = run(&config);
    assert_eq!(report.jobs.get(&JobState::Completed), Some(&199), "{report}");
    let failed = report.records.iter().find(|record| record.state == JobState::Failed).unwrap();
    let took = failed.ended_ms.unwrap() - failed.job.created_ms;
    // It may wait for its turn before the time for bids begins.
    assert!((30_000..70_000).contains(&took), "{took} ms");
    assert!(whys(failed).contains("not enough providers offered to run it; 3 nodes: 3 lack the input"), "{failed:?}");
}

#[test]
fn a_client_with_one_job_does_not_wait_for_all_jobs_of_another() {
    let report = run(&Config { of_second_client: 1, submitting_ms: 5_000, ..busy(1_000) });
    let ended = |record: &JobRecord| record.ended_ms.unwrap();
    let other = report.records.iter().max_by_key(|record| record.job.created_ms).unwrap();
    let later = report.records.iter().filter(|record| ended(record) > ended(other)).count();
    assert!(later > 800, "{later} of 1000 jobs end after it");
}

#[test]
fn a_provider_that_is_always_full_does_not_hold_a_job_for_ever() {
    let mut config = Config { behaviours: vec![(Behaviour::AlwaysFull, 2)], submitting_ms: 1, ..busy(3) };
    config.requester.queue_ms = 600_000;
    let report = run(&config);
    assert_eq!(report.jobs.get(&JobState::Failed), Some(&3), "{report}");
    for record in &report.records {
        let took = record.ended_ms.unwrap() - record.job.created_ms;
        assert!((600_000..660_000).contains(&took), "{took} ms");
        assert!(whys(record).contains("2 of 3 providers were busy all the time; wait longer with"), "{record:?}");
    }
    assert!(report.announced < 3 * 2 * 60, "{} announcements", report.announced);
}

#[test]
fn nine_shards_on_one_provider_with_room_for_four_complete() {
    for run_ms in [(500, 2_000), (100_000, 150_000)] {
        let config = Config { nodes: 2, holders: 1, max_shards: 9, run_ms, timeout_seconds: 600, ..busy(20) };
        let report = run(&config);
        assert_eq!(report.jobs.get(&JobState::Completed), Some(&20), "{report}");
    }
}
