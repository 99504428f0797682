//! Files that are no store, not any more, or not of this version.

use std::fs;

use redb::{Database, TableDefinition};

use super::*;

fn refusal(path: &Path) -> String {
    JobStore::open(path).map(drop).unwrap_err().to_string()
}

#[test]
fn a_file_belongs_to_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let said = refusal(&dir.path().join(FILE_NAME));
    assert!(said.contains("jobs.redb is in use by another process") && said.contains("--data-dir"), "{said}");
    drop(store);
    open(dir.path());
}

#[test]
fn what_is_no_store_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    for content in [Vec::new(), b"something else".to_vec(), vec![0; 4096], vec![0xff; 100_000]] {
        fs::write(&path, &content).unwrap();
        let said = refusal(&path);
        assert!(said.contains("is damaged") && said.contains("move it away"), "{said}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let said = refusal(&dir.path().join("nothing").join(FILE_NAME));
    assert!(said.contains("cannot use ") && said.contains("nothing/jobs.redb"), "{said}");
}

#[test]
fn another_version_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    let database = Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<&str, u64>::new("meta")).unwrap().insert("schema", 7).unwrap();
    transaction.commit().unwrap();
    drop(database);
    for _ in 0..2 {
        let said = refusal(&path);
        assert!(said.contains("has version 7 of the schema, and this program uses 1"), "{said}");
    }
}

#[test]
fn damage_is_found_or_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    let jobs: Vec<JobRecord> = (0..20).map(job).collect();
    open(dir.path()).commit(&Batch { jobs: jobs.iter().collect(), ..Batch::default() }).unwrap();
    let sound = fs::read(&path).unwrap();
    let mut found = 0;
    for at in (0..sound.len()).step_by(sound.len() / 97) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x40;
        fs::write(&path, &damaged).unwrap();
        match JobStore::open(&path) {
            Ok(store) => assert_eq!(store.unfinished().unwrap().len(), jobs.len(), "byte {at} was lost"),
            Err(StoreError::Damaged { .. } | StoreError::Version { .. }) => found += 1,
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    assert!(found > 0);
    for length in [sound.len() / 2, sound.len() - 4096, 600, 1] {
        fs::write(&path, &sound[..length]).unwrap();
        assert!(matches!(JobStore::open(&path), Err(StoreError::Damaged { .. })), "{length}");
    }
}
