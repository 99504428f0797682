//! What a sweep removes, and what no clock has it remove.

use super::*;
use bacalhau_job::{JobRecord, ShardState};
use bacalhau_store::Batch;
use bacalhau_testkit::records::{ended, key, record, spec};

const DAY_MS: u64 = 24 * 3_600_000;
const KEEP: Keep =
    Keep { jobs_ms: 30 * DAY_MS, jobs_most: 10, client_bytes: u64::MAX, results_ms: 7 * DAY_MS, results_bytes: 1_000 };

struct Stage {
    dir: tempfile::TempDir,
    house: House,
}

impl Stage {
    fn new(keep: Keep) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let house = House {
            jobs: Arc::new(JobStore::open(&dir.path().join("jobs.redb")).unwrap()),
            blocks: Store::open(&dir.path().join("blocks"), bacalhau_cas::store::Options::default()).unwrap(),
            results: dir.path().join("results"),
            ledger: Some(Ledger::open(dir.path().join("publications")).unwrap()),
            keep,
            sizes: BTreeMap::new(),
        };
        Self { dir, house }
    }

    /// A job that ended then, with results of so many bytes.
    fn job(&self, number: u64, ended_ms: u64, bytes: usize) -> JobId {
        let job = record(spec(), number, &key(1), ended_ms);
        let job: JobRecord = ended(job, ShardState::Completed, ended_ms);
        let results = self.house.results.join(job.job.id.to_string()).join("0/results");
        fs::create_dir_all(&results).unwrap();
        fs::write(results.join("stdout"), vec![0; bytes]).unwrap();
        self.house.jobs.commit(&Batch { now_ms: ended_ms, jobs: vec![&job], ..Batch::default() }).unwrap();
        job.job.id
    }

    fn results(&self) -> Vec<String> {
        let mut names = names(&self.house.results).unwrap();
        names.sort_unstable();
        names
    }

    fn has(&self, job: &JobId) -> (bool, bool) {
        (self.house.jobs.has(job).unwrap(), self.house.results.join(job.to_string()).exists())
    }
}

#[test]
fn results_and_jobs_go_when_their_time_is_over() {
    let mut stage = Stage::new(KEEP);
    let start = 1_000 * DAY_MS;
    let job = stage.job(1, start, 10);
    fs::create_dir_all(stage.house.results.join(format!("{REMOVED}half")).join("x")).unwrap();
    assert_eq!(stage.house.sweep(start + 7 * DAY_MS), Swept::default());
    assert_eq!(stage.results(), [job.to_string()], "what was being removed is");
    let swept = stage.house.sweep(start + 7 * DAY_MS + 1);
    assert_eq!(swept, Swept { results: 1, bytes: 10, ..Swept::default() });
    assert_eq!(stage.has(&job), (true, false));
    assert_eq!(stage.house.sweep(start + 30 * DAY_MS), Swept::default());
    assert_eq!(stage.house.sweep(start + 30 * DAY_MS + 1), Swept { jobs: 1, ..Swept::default() });
    assert_eq!(stage.has(&job), (false, false));
}

#[test]
fn a_restart_with_a_clock_that_is_forty_days_ahead_deletes_nothing() {
    let mut stage = Stage::new(KEEP);
    let start = 1_000 * DAY_MS;
    let job = stage.job(1, start, 10);
    let ledger = stage.house.ledger.clone().unwrap();
    let publication = stage.dir.path().join("publications/ended/x.json");
    fs::create_dir_all(publication.parent().unwrap()).unwrap();
    fs::write(&publication, "{}").unwrap();
    assert_eq!(stage.house.sweep(start + DAY_MS), Swept::default());
    // The node ends; the next process has a clock that is wrong, and so has the one after it.
    let wrong = start + 41 * DAY_MS;
    assert_eq!(stage.house.jobs.begin(wrong).unwrap(), 39 * DAY_MS);
    assert_eq!(stage.house.sweep(wrong), Swept::default());
    let wrong = wrong + 400 * DAY_MS;
    assert_eq!(stage.house.jobs.begin(wrong).unwrap(), 399 * DAY_MS);
    assert_eq!(stage.house.sweep(wrong), Swept::default());
    assert_eq!(stage.has(&job), (true, true));
    // Of a week, a day has passed, and one has counted of each time between two runs.
    assert_eq!(stage.house.sweep(wrong + 4 * DAY_MS), Swept::default());
    assert_eq!(stage.house.sweep(wrong + 4 * DAY_MS + 1).results, 1);
    assert_eq!(ledger.past().unwrap().len(), 1);
    assert_eq!(stage.house.sweep(wrong + 27 * DAY_MS + 1).jobs, 1);
    assert_eq!(stage.house.sweep(wrong + 28 * DAY_MS + 1).publications, 1, "it was first seen a day later");
    assert!(!publication.exists());
    // A clock that is put back goes on from the last time: nothing has passed.
    assert_eq!(stage.house.jobs.begin(start).unwrap(), 0);
}

#[test]
fn what_is_too_much_goes_the_oldest_first_and_never_what_is_fresh() {
    let mut stage = Stage::new(Keep { jobs_most: 3, ..KEEP });
    let start = 1_000 * DAY_MS;
    let old: Vec<JobId> = (0..3).map(|number| stage.job(number, start + number, 400)).collect();
    let swept = stage.house.sweep(start + FRESH_MS);
    assert_eq!(swept, Swept::default(), "they may still be fetched");
    let swept = stage.house.sweep(start + FRESH_MS + 10);
    assert_eq!(swept, Swept { results: 1, bytes: 400, ..Swept::default() });
    assert_eq!(stage.has(&old[0]), (true, false));
    assert_eq!(stage.has(&old[1]), (true, true));
    let new = stage.job(3, start + FRESH_MS, 5_000);
    let swept = stage.house.sweep(start + FRESH_MS + 20);
    assert_eq!(swept, Swept { jobs: 1, results: 2, bytes: 800, ..Swept::default() });
    assert_eq!((stage.has(&old[0]), stage.has(&new)), ((false, false), (true, true)));
}
