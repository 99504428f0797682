//! The store of jobs: what comes back, in which order, and what is refused.

mod damage;
mod full;
mod lists;
mod processes;

use std::path::Path;

use super::*;
use bacalhau_job::{EventKind, JobId, JobRecord, JobState, ShardState};
use bacalhau_testkit::records::{ended, event, key, record, spec};

fn open(dir: &Path) -> JobStore {
    JobStore::open(&dir.join(FILE_NAME)).unwrap()
}

fn job(number: u64) -> JobRecord {
    record(spec(), number, &key(1), 1_000_000 + number)
}

#[test]
fn what_was_committed_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, other) = (job(1), ended(job(2), ShardState::Completed, 5));
    let provider = (one.job.id, Some(vec![1, 2, 3]));
    {
        let store = open(dir.path());
        assert_eq!((store.last_ms().unwrap(), store.unfinished().unwrap()), (0, Vec::new()));
        let events = [
            event(&one.job.id, 10, EventKind::Created, "one"),
            event(&other.job.id, 70, EventKind::Created, "other"),
            event(&one.job.id, 20, EventKind::Bid, "bids 1/1"),
        ];
        let batch = Batch {
            now_ms: 60,
            jobs: vec![&one, &other],
            events: &events,
            provider: vec![provider.clone()],
            messages: vec![(7, Some(vec![4, 5])), (9, Some(vec![6]))],
        };
        store.commit(&batch).unwrap();
        one.shards[0].state = ShardState::Running;
        one.state = JobState::InProgress;
        let events = [event(&one.job.id, 30, EventKind::Ended(JobState::Failed), "three")];
        store.commit(&Batch { now_ms: 1, jobs: vec![&one], events: &events, ..Batch::default() }).unwrap();
    }
    let store = open(dir.path());
    assert_eq!(store.job(&one.job.id).unwrap().as_ref(), Some(&one));
    assert_eq!(store.job(&other.job.id).unwrap().as_ref(), Some(&other));
    assert_eq!(store.job(&job(3).job.id).unwrap(), None);
    assert_eq!(store.unfinished().unwrap(), [one.clone()]);
    assert!(store.is_unfinished(&one.job.id).unwrap() && !store.is_unfinished(&other.job.id).unwrap());
    assert_eq!(store.provider_records().unwrap(), [(one.job.id, vec![1, 2, 3])]);
    assert_eq!(store.last_ms().unwrap(), 70, "the latest time of all, though the clock was set back");
    let events = store.events(&one.job.id, 0, 100).unwrap();
    let told: Vec<_> = events.iter().map(|event| (event.number, event.event.text.as_str())).collect();
    assert_eq!(told, [(1, "one"), (2, "bids 1/1"), (3, "three")]);
    assert_eq!(store.events(&one.job.id, 1, 1).unwrap(), events[1..2]);
    assert_eq!(store.events(&one.job.id, 3, 100).unwrap(), []);
    assert_eq!(store.last_events(&one.job.id, 1).unwrap(), events[events.len() - 1..]);
    assert_eq!(store.last_events(&one.job.id, 100).unwrap(), events);
    assert_eq!(store.messages().unwrap(), [(7, vec![4, 5]), (9, vec![6])]);
    let nothing = Batch { provider: vec![(one.job.id, None)], messages: vec![(7, None)], ..Batch::default() };
    store.commit(&nothing).unwrap();
    assert_eq!(store.provider_records().unwrap(), []);
    assert_eq!(store.messages().unwrap(), [(9, vec![6])]);
}

#[test]
fn a_short_name_is_enough_where_it_is_one_jobs() {
    let store = JobStore::in_memory().unwrap();
    let jobs: Vec<JobRecord> = (0..40).map(job).collect();
    store.commit(&Batch { jobs: jobs.iter().collect(), ..Batch::default() }).unwrap();
    for record in &jobs {
        let id = record.job.id;
        assert_eq!(store.find(&id.to_string()).unwrap(), id);
        assert_eq!(store.find(&id.short()).unwrap(), id);
    }
    // There are 32 digits, so some two of 40 begin alike.
    let first = |record: &&JobRecord| record.job.id.to_string()[..1].to_owned();
    let digit = jobs
        .iter()
        .map(|record| first(&record))
        .find(|digit| jobs.iter().filter(|record| first(record) == *digit).count() > 1);
    let error = store.find(&digit.unwrap()).unwrap_err();
    let StoreError::Ambiguous { ids, .. } = &error else { panic!("{error}") };
    assert!(ids.len() > 1 && ids.iter().all(|id| error.to_string().contains(&id.to_string())), "{error}");
    for nothing in ["", "0", "zzzzzzzzz", "'; drop table", &"a".repeat(10_000), "é"] {
        assert!(matches!(store.find(nothing), Err(StoreError::NoSuchJob(_))), "{nothing}");
    }
}

#[test]
fn old_jobs_go_and_others_stay() {
    let store = JobStore::in_memory().unwrap();
    // 0, 1: never ended. The others ended 1000 times their number after a million, when the first was made.
    let jobs: Vec<JobRecord> =
        (0..100)
            .map(|number| {
                if number < 2 { job(number) } else { ended(job(number), ShardState::Failed, 1_000_000 + 1000 * number) }
            })
            .collect();
    let events: Vec<_> = jobs.iter().map(|record| event(&record.job.id, 1, EventKind::Created, "")).collect();
    store.commit(&Batch { jobs: jobs.iter().collect(), events: &events, ..Batch::default() }).unwrap();
    let left = || {
        let is_here = |record: &&JobRecord| {
            let (here, events) = (store.job(&record.job.id).unwrap(), store.events(&record.job.id, 0, 9).unwrap());
            assert_eq!(here.is_some(), events.len() == 1);
            here.is_some()
        };
        jobs.iter().filter(is_here).map(|record| record.job.created_ms - 1_000_000).collect::<Vec<_>>()
    };
    assert_eq!(store.prune(Retention::default()).unwrap(), 0);
    assert_eq!(store.prune(Retention { since_ms: Some(1_010_000), ..Retention::default() }).unwrap(), 8);
    assert_eq!(left(), [0, 1].into_iter().chain(10..100).collect::<Vec<_>>());
    assert_eq!(store.prune(Retention { keep_last: Some(5), ..Retention::default() }).unwrap(), 85);
    assert_eq!(left(), [0, 1, 95, 96, 97, 98, 99]);
    assert_eq!(store.jobs(&Query { limit: 100, ..Query::default() }).unwrap().jobs.len(), 7);
}

#[test]
fn whoever_waits_hears_of_a_commit() {
    let store = JobStore::in_memory().unwrap();
    let commits = store.commits();
    assert!(!commits.has_changed().unwrap());
    store.commit(&Batch::default()).unwrap();
    assert!(commits.has_changed().unwrap());
}

/// Ids of all jobs that `query` finds, page by page, and how many pages it took.
fn all(store: &JobStore, query: &Query) -> (Vec<JobId>, usize) {
    let (mut query, mut ids, mut pages) = (query.clone(), Vec::new(), 0);
    loop {
        let page = store.jobs(&query).unwrap();
        ids.extend(page.jobs.iter().map(|job| job.id));
        pages += 1;
        query.after = page.next;
        if query.after.is_none() {
            return (ids, pages);
        }
    }
}

#[test]
fn bytes_are_counted_for_each_client_and_the_oldest_ended_jobs_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let client = |number| key(number).public().to_peer_id();
    let of = |store: &JobStore, number| store.client_bytes(&client(number)).unwrap();
    let jobs: Vec<JobRecord> = (0..6).map(|nonce| record(spec(), nonce, &key(1), 1000 + nonce)).collect();
    let mut sizes = vec![0];
    for (job, ended_ms) in
        jobs.iter().zip([None, Some(2_000_010), Some(2_000_020), None, Some(2_000_030), Some(2_000_040)])
    {
        let job = ended_ms.map_or(job.clone(), |ended_ms| ended(job.clone(), ShardState::Completed, ended_ms));
        let events = [event(&job.job.id, 1, EventKind::Created, "one")];
        store.commit(&Batch { now_ms: 1, jobs: vec![&job], events: &events, ..Batch::default() }).unwrap();
        sizes.push(of(&store, 1));
    }
    assert!(sizes.is_sorted_by(|less, more| less + 300 < *more), "{sizes:?}");
    let all = of(&store, 1);
    let mut changed = jobs[0].clone();
    changed.shards[0].why = Some("x".repeat(1000));
    for _ in 0..2 {
        store.commit(&Batch { now_ms: 1, jobs: vec![&changed], ..Batch::default() }).unwrap();
        assert!((all + 900..all + 1200).contains(&of(&store, 1)), "the same again takes no more");
    }
    store.commit(&Batch { now_ms: 1, jobs: vec![&record(spec(), 9, &key(2), 5)], ..Batch::default() }).unwrap();
    let other = of(&store, 2);
    assert!(other > 300 && of(&store, 3) == 0);
    // By a file of before, which has no counts, the same is counted.
    let counted = (of(&store, 1), other);
    let uncounted = store.write(|transaction| {
        Ok(transaction.delete_table(tables::SIZES)? && transaction.delete_table(tables::CLIENTS)?)
    });
    assert!(uncounted.unwrap());
    drop(store);
    let store = open(dir.path());
    assert_eq!((of(&store, 1), of(&store, 2)), counted);

    assert_eq!(store.prune_clients(u64::MAX, 2_000_100).unwrap(), 0);
    let least = of(&store, 1) - 1;
    assert_eq!(store.prune_clients(least, 2_000_005).unwrap(), 0, "they ended too lately");
    assert_eq!(store.prune_clients(least, 2_000_100).unwrap(), 1);
    assert!(!store.has(&jobs[1].job.id).unwrap() && store.has(&jobs[0].job.id).unwrap(), "the oldest that has ended");
    assert_eq!(store.prune_clients(0, 2_000_100).unwrap(), 3);
    assert_eq!(of(&store, 2), other, "it has not ended");
}
