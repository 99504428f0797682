//! Pages and filters.

use proptest::prelude::*;

use super::*;

#[test]
fn a_list_is_newest_first_and_every_job_stands_on_one_page() {
    let store = JobStore::in_memory().unwrap();
    // Three at each time.
    let mut jobs: Vec<JobRecord> = (0..60).map(|number| record(spec(), number, &key(1), number / 3)).collect();
    store.commit(&Batch { jobs: jobs.iter().collect(), ..Batch::default() }).unwrap();
    jobs.sort_by_key(|record| (record.job.created_ms, record.job.id.to_string()));
    let expected: Vec<JobId> = jobs.iter().rev().map(|record| record.job.id).collect();
    for (limit, pages) in [(0, 60), (1, 60), (7, 9), (59, 2), (60, 1), (61, 1), (usize::MAX, 1)] {
        assert_eq!(all(&store, &Query { limit, ..Query::default() }), (expected.clone(), pages), "{limit}");
    }
    // A job that comes in between moves nothing.
    let first = store.jobs(&Query { limit: 30, ..Query::default() }).unwrap();
    store.commit(&Batch { jobs: vec![&job(1000)], ..Batch::default() }).unwrap();
    let second = store.jobs(&Query { limit: 30, after: first.next, ..Query::default() }).unwrap();
    let ids: Vec<JobId> = first.jobs.iter().chain(&second.jobs).map(|job| job.id).collect();
    assert_eq!(ids, expected);
}

#[test]
fn filters_find_what_they_say() {
    let store = JobStore::in_memory().unwrap();
    let mut labelled = spec();
    labelled.labels = vec!["a".into(), "b".into()];
    let mut private = spec();
    private.private = true;
    let jobs = [
        record(labelled, 0, &key(1), 5),
        ended(record(spec(), 1, &key(1), 4), ShardState::Completed, 9),
        record(spec(), 2, &key(2), 3),
        record(private, 3, &key(2), 2),
    ];
    store.commit(&Batch { jobs: jobs.iter().collect(), ..Batch::default() }).unwrap();
    let ids: Vec<JobId> = jobs.iter().map(|record| record.job.id).collect();
    let find = |query: Query| all(&store, &Query { limit: 10, ..query }).0;
    assert_eq!(find(Query { label: Some("b".into()), ..Query::default() }), ids[..1]);
    assert_eq!(find(Query { label: Some("c".into()), ..Query::default() }), []);
    assert_eq!(find(Query { state: Some(JobState::Completed), ..Query::default() }), ids[1..2]);
    assert_eq!(find(Query { client: Some(key(2).public().to_peer_id()), ..Query::default() }), ids[2..]);
    let middle = ids[2].to_string()[5..20].to_owned();
    assert_eq!(find(Query { id: Some(middle), ..Query::default() }), ids[2..3]);
    let lines = store.jobs(&Query { limit: 10, ..Query::default() }).unwrap().jobs;
    assert_eq!((lines[0].labels.len(), lines[0].program.as_deref()), (2, Some("data:,secret-program")));
    assert_eq!(
        (lines[1].state, lines[1].completed, lines[1].shards, lines[1].ended_ms),
        (JobState::Completed, 1, 1, Some(9))
    );
    assert_eq!((lines[3].private, lines[3].program.as_deref()), (true, None));
}

proptest! {
    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one(ms in any::<u64>(), text in ".{0,60}") {
        let cursor = format!("{ms}-{}", job(1).job.id);
        prop_assert_eq!(cursor.parse::<Cursor>().unwrap().to_string(), cursor);
        prop_assert!(text.parse::<Cursor>().is_err());
    }
}
