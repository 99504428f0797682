//! Jobs over the socket of a serving process.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use super::*;
use bacalhau_identity::Identity;
use bacalhau_job::{EventKind, JobRecord};
use bacalhau_store::{Batch, FILE_NAME, JobStore};
use bacalhau_testkit::records as samples;

/// A data directory with an identity and jobs, whose path has so many bytes at least.
fn data_dir(dir: &tempfile::TempDir, bytes: usize) -> PathBuf {
    let mut path = dir.path().join("data");
    while path.as_os_str().len() < bytes {
        path.push("d".repeat(50));
    }
    fs::create_dir_all(&path).unwrap();
    Identity::from_file(&path.join("identity")).unwrap();
    path
}

fn record(number: u64) -> JobRecord {
    samples::record(samples::spec(), number, &samples::key(1), number)
}

fn add(store: &JobStore, number: u64) {
    let record = record(number);
    let id = record.job.id;
    let events = [samples::event(&id, number, EventKind::Created, "")];
    let provider = vec![(id, Some(vec![1]))];
    store
        .commit(&Batch { now_ms: number, jobs: vec![&record], events: &events, provider, ..Batch::default() })
        .unwrap();
}

#[test]
fn a_process_that_serves_is_asked_for_its_jobs_wherever_it_is() {
    for bytes in [0, 200] {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = data_dir(&dir, bytes);
        let store = Arc::new(JobStore::open(&data_dir.join(FILE_NAME)).unwrap());
        add(&store, 1);
        let target = dir.path().join("backup");
        let refused = take(&data_dir, &target, Contents::All).unwrap_err().to_string();
        assert!(refused.contains("in use by a process that gives no backups"), "{refused}");
        fs::write(data_dir.join("backup.sock"), "what another process has left").unwrap();
        let line = Line::start(&data_dir, Arc::clone(&store)).unwrap();
        let targets = ["one", "two", "three"].map(|name| dir.path().join(name));
        thread::scope(|scope| {
            for target in &targets {
                scope.spawn(|| take(&data_dir, target, Contents::State).unwrap());
            }
        });
        add(&store, 2);
        for target in &targets {
            // A store that is opened is written to.
            let opened = dir.path().join(FILE_NAME);
            fs::copy(target.join("data").join(FILE_NAME), &opened).unwrap();
            let copy = JobStore::open(&opened).unwrap();
            assert_eq!(copy.job(&record(1).job.id).unwrap(), Some(record(1)));
            assert_eq!(copy.job(&record(2).job.id).unwrap(), None);
            assert_eq!((copy.unfinished().unwrap().len(), copy.last_ms().unwrap()), (1, 1));
            assert_eq!(copy.provider_records().unwrap(), [(record(1).job.id, vec![1])]);
            assert_eq!(copy.events(&record(1).job.id, 0, 9).unwrap().len(), 1);
        }
        let used = restore(&targets[0], &data_dir, true).unwrap_err().to_string();
        assert!(used.contains("is in use by a serving process"), "{used}");
        drop(line);
        drop(store);
        assert!(!data_dir.join("backup.sock").exists());
        restore(&targets[0], &data_dir, true).unwrap();
        let store = JobStore::open(&data_dir.join(FILE_NAME)).unwrap();
        assert_eq!(store.job(&record(2).job.id).unwrap(), None);
    }
}
