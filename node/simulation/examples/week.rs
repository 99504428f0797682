//! A week of operation in virtual time: 2,000,000 jobs, of which four requesters and one provider are stored as a node
//! stores them, with its cleanup at its defaults. Prints a table with a line a day.
//!
//!     TMPDIR=/dev/shm cargo run --release -p bacalhau-simulation --example week [JOBS]
#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a measurement that cannot go on has to stop; its figures are rounded when they are printed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bacalhau_compute::ComputeConfig;
use bacalhau_daemon::{Changes, Core};
use bacalhau_job::{Event, JobId, JobRecord, Resources};
use bacalhau_simulation::{BEGINNING_MS, Behaviour, Churn, Config, Links, Observer, jobs, observe};
use bacalhau_store::{Batch, JobStore, Query, Retention};

const DAY_MS: u64 = 24 * 3_600_000;
const WEEK_MS: u64 = 7 * DAY_MS;
/// Jobs of the week, by default.
const JOBS: usize = 2_000_000;
const REQUESTERS: usize = 4;
/// Changes of a node are written together at this interval, as its loop does under load.
const COMMIT_MS: u64 = 10_000;
/// Interval of the cleanup, and what it keeps: the defaults of `bacalhau serve`.
const SWEEP_MS: u64 = 600_000;
const KEEP_MS: u64 = 30 * DAY_MS;
const KEEP_MOST: usize = 100_000;
const CLIENT_BYTES: u64 = 256 << 20;
const FRESH_MS: u64 = 3_600_000;
/// Jobs of a page of the list.
const PAGE: usize = 100;

fn main() {
    let jobs = std::env::args().nth(1).map_or(JOBS, |jobs| jobs.parse().expect("a number of jobs"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let began = Instant::now();
    let mut week = Week::new(dir.path());
    println!("{HEAD}");
    let report = observe(&config(jobs), &mut week);
    week.line();
    println!("\n{report}\nin {:?}", began.elapsed());
    assert!(report.violations.is_empty(), "invariants were violated");
}

fn config(jobs: usize) -> Config {
    let total = Resources { cpu_millis: 16_000, memory_bytes: 64 << 30, disk_bytes: 256 << 30 };
    Config {
        seed: 1,
        nodes: 24,
        requesters: REQUESTERS,
        first_provider: REQUESTERS,
        data_sets: 10,
        holders: 6,
        curious: 0.0,
        jobs,
        clients: 100,
        submitting_ms: WEEK_MS,
        deal: jobs::deal(3, 2, 3),
        cancelled: 0.01,
        run_ms: (1_000, 30_000),
        timeout_seconds: 120,
        host_failures: 0.01,
        links: Links { loss: 0.001, duplicates: 0.001, ..Config::default().links },
        churn: Churn { until_ms: WEEK_MS, crashes: 400, down_ms: 600_000, ..Churn::none() },
        behaviours: vec![(Behaviour::WrongResult, 2), (Behaviour::SilentAfterBid, 1)],
        end_ms: WEEK_MS + DAY_MS / 4,
        write_everything: false,
        keep_records: false,
        keep_checks_ms: 3_600_000,
        compute: ComputeConfig { total, ..ComputeConfig::default() },
        ..Config::default()
    }
}

const HEAD: &str = "\
| day | jobs ended | p50 s | p99 s | longest s | jobs open, most | messages, most | provider records, most | stored jobs | \
store MiB | list ms | job ms | cleanup ms, most | RSS MiB |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// What is measured of the week.
#[derive(Debug)]
struct Week {
    stored: Vec<Stored>,
    day: u64,
    /// Jobs that ended on this day, and how long each took.
    ended: BTreeSet<JobId>,
    took_ms: Vec<u64>,
    most: Most,
}

/// Maxima of one node within a day.
#[derive(Debug, Default)]
struct Most {
    open: usize,
    messages: usize,
    provided: usize,
    sweep: Duration,
}

/// A node with a store on disk.
#[derive(Debug)]
struct Stored {
    path: PathBuf,
    store: JobStore,
    jobs: BTreeMap<JobId, JobRecord>,
    events: Vec<Event>,
    provider: BTreeMap<JobId, Option<Vec<u8>>>,
    messages: BTreeMap<u64, Option<Vec<u8>>>,
    open: BTreeSet<JobId>,
    provided: BTreeSet<JobId>,
    written_ms: u64,
    swept_ms: u64,
}

impl Week {
    fn new(dir: &Path) -> Self {
        let stored = (0..=REQUESTERS).map(|node| Stored::new(dir.join(format!("{node}.redb")))).collect();
        Self { stored, day: 0, ended: BTreeSet::new(), took_ms: Vec::new(), most: Most::default() }
    }

    /// Prints the line of a day, and begins the next.
    fn line(&mut self) {
        self.took_ms.sort_unstable();
        let took = |part: usize| match self.took_ms.len() {
            0 => 0.0,
            all => self.took_ms[(all * part / 1000).min(all - 1)] as f64 / 1000.0,
        };
        let largest = self.stored.iter().max_by_key(|stored| stored.bytes()).expect("there are nodes");
        let reads = largest.reads();
        println!(
            "| {} | {} | {:.1} | {:.1} | {:.1} | {} | {} | {} | {} | {} | {:.2} | {:.3} | {:.0} | {} |",
            self.day + 1,
            self.took_ms.len(),
            took(500),
            took(990),
            took(1000),
            self.most.open,
            self.most.messages,
            self.most.provided,
            reads.jobs,
            largest.bytes() >> 20,
            reads.list_ms,
            reads.job_ms,
            self.most.sweep.as_secs_f64() * 1000.0,
            rss_bytes() >> 20,
        );
        self.ended.clear();
        self.took_ms.clear();
        self.most = Most::default();
    }
}

impl Observer for Week {
    fn wrote(&mut self, node: usize, now_ms: u64, core: &Core, changes: &Changes) {
        if now_ms / DAY_MS > self.day {
            self.line();
            self.day = now_ms / DAY_MS;
        }
        let Some(stored) = self.stored.get_mut(node) else { return };
        for record in changes.jobs.iter().filter_map(|job| core.record(job)) {
            let ended_ms = record.ended_ms.filter(|_| record.state.is_final() && self.ended.insert(record.job.id));
            self.took_ms.extend(ended_ms.map(|ended_ms| ended_ms - record.job.created_ms));
        }
        stored.take(core, changes);
        self.most.open = self.most.open.max(stored.open.len());
        self.most.provided = self.most.provided.max(stored.provided.len());
        self.most.messages = self.most.messages.max(core.outbox().len());
        if now_ms >= stored.written_ms + COMMIT_MS {
            stored.written_ms = now_ms;
            stored.commit(BEGINNING_MS + now_ms);
        }
        if now_ms >= stored.swept_ms + SWEEP_MS {
            stored.swept_ms = now_ms;
            let began = Instant::now();
            stored.sweep(BEGINNING_MS + now_ms);
            self.most.sweep = self.most.sweep.max(began.elapsed());
        }
    }
}

/// How long reads of a store take.
struct Reads {
    jobs: usize,
    list_ms: f64,
    job_ms: f64,
}

impl Stored {
    fn new(path: PathBuf) -> Self {
        let store = JobStore::open(&path).expect("a new store");
        store.begin(BEGINNING_MS).expect("the store works");
        Self {
            path,
            store,
            jobs: BTreeMap::new(),
            events: Vec::new(),
            provider: BTreeMap::new(),
            messages: BTreeMap::new(),
            open: BTreeSet::new(),
            provided: BTreeSet::new(),
            written_ms: 0,
            swept_ms: 0,
        }
    }

    fn take(&mut self, core: &Core, changes: &Changes) {
        for record in changes.jobs.iter().filter_map(|job| core.record(job)) {
            if record.state.is_final() {
                self.open.remove(&record.job.id);
            } else {
                self.open.insert(record.job.id);
            }
            self.jobs.insert(record.job.id, record.clone());
        }
        self.events.extend(changes.events.iter().cloned());
        for job in &changes.provided {
            let record = core.provider_record(job);
            if record.is_some() {
                self.provided.insert(*job);
            } else {
                self.provided.remove(job);
            }
            self.provider.insert(*job, record);
        }
        self.messages.extend(changes.messages.iter().map(|(number, message)| (*number, message.clone())));
    }

    fn commit(&mut self, now_ms: u64) {
        let batch = Batch {
            now_ms,
            jobs: self.jobs.values().collect(),
            events: &self.events,
            provider: std::mem::take(&mut self.provider).into_iter().collect(),
            messages: std::mem::take(&mut self.messages).into_iter().collect(),
        };
        self.store.commit(&batch).expect("the store works");
        self.jobs.clear();
        self.events.clear();
    }

    /// What the cleanup of a node does with its jobs.
    fn sweep(&self, now_ms: u64) {
        let before = |age_ms| self.store.before(now_ms, age_ms).expect("the store works");
        self.store.touch(now_ms).expect("the store works");
        let retention = Retention { since_ms: Some(before(KEEP_MS)), keep_last: Some(KEEP_MOST) };
        self.store.prune(retention).expect("the store works");
        self.store.prune_clients(CLIENT_BYTES / 4 * 3, before(FRESH_MS)).expect("the store works");
    }

    fn bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |meta| meta.len())
    }

    fn reads(&self) -> Reads {
        let jobs = self.store.ends().expect("the store works").len();
        let query = Query { limit: PAGE, ..Query::default() };
        let began = Instant::now();
        let page = self.store.jobs(&query).expect("the store works");
        let list_ms = began.elapsed().as_secs_f64() * 1000.0;
        let began = Instant::now();
        for job in &page.jobs {
            black_box(self.store.job(&job.id).expect("the store works"));
            black_box(self.store.events(&job.id, 0, 1000).expect("the store works"));
        }
        let job_ms = began.elapsed().as_secs_f64() * 1000.0 / page.jobs.len().max(1) as f64;
        Reads { jobs, list_ms, job_ms }
    }
}

/// Memory of this process that is resident.
fn rss_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
