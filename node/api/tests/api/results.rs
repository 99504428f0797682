//! Results on their way to a client.

use std::fs;

use bacalhau_tree::{HostTree, dirhash};

use super::*;
use bacalhau_cas::{
    Block, BlockSource,
    unixfs::Unpack,
    unixfs::import::{Profile, import},
};

/// A results directory, and its hash.
fn directory(stage: &Stage) -> (std::path::PathBuf, String) {
    let dir = stage.fake.path("some-results");
    fs::create_dir_all(dir.join("outputs/deep/empty")).unwrap();
    fs::write(dir.join("stdout"), "hello\n").unwrap();
    fs::write(dir.join("exitCode"), "0").unwrap();
    fs::write(dir.join("outputs/large"), vec![7; 3 << 20]).unwrap();
    fs::write(dir.join("outputs/deep/same"), vec![7; 1 << 20]).unwrap();
    let h1 = dirhash::hash_dir(&dir, "results").unwrap().h1;
    (dir, h1)
}

#[test]
fn results_are_fetched_and_checked_from_a_directory_and_from_blocks() {
    let stage = Stage::new();
    let client = stage.client(1);
    let id = client.submit(&signed(spec(), 1, 1)).unwrap();
    let (dir, h1) = directory(&stage);
    stage.fake.complete(&id, &h1);
    let results = client.results(&id.short()).unwrap();
    let archive = results.shards[0].archive.clone().unwrap();
    assert_eq!((results.state, results.shards[0].h1.as_ref()), (JobState::Completed, Some(&h1)));

    let writer = stage.fake.data.writer();
    let root = import(&HostTree::open(&dir).unwrap(), Profile::default(), &mut |block: Block| writer.write(&block));
    writer.commit().unwrap();
    let blocks = Arc::clone(&stage.fake.data) as Arc<dyn BlockSource>;
    let kinds = [ResultsDag::Directory(dir.clone()), ResultsDag::Dag(root.unwrap().cid.into(), blocks)];
    for (number, kind) in kinds.into_iter().enumerate() {
        *stage.fake.results.lock().unwrap() = Some(kind);
        let target = stage.fake.path(&format!("fetched-{number}/here"));
        let (found, unpacked) = client.fetch_results(&id.short(), 0, &target, Unpack::default()).unwrap();
        assert_eq!((&found, unpacked.bytes), (&h1, 7 + (4 << 20)));
        assert_eq!(dirhash::hash_dir(&target, "results").unwrap().h1, h1);
        assert!(target.join("outputs/deep/empty").is_dir());
        let again = client.fetch_results(&id.short(), 0, &target, Unpack::default()).unwrap_err().to_string();
        assert!(again.contains("exists already"), "{again}");
    }
    let head = stage.ask("HEAD", &archive, &[], &[]);
    assert_eq!((head.status(), head.header("bacalhau-h1"), head.body.len()), (200, Some(&*h1), 0));
    assert_eq!(head.header("content-type"), Some(CAR_TYPE));
    *stage.fake.results.lock().unwrap() = None;
    assert_eq!(stage.ask("GET", &archive, &[], &[]).error().code, ErrorCode::Gone);
}

#[test]
fn other_results_than_were_said_are_not_kept() {
    let stage = Stage::new();
    let client = stage.client(1);
    let id = client.submit(&signed(spec(), 1, 1)).unwrap();
    let (dir, h1) = directory(&stage);
    stage.fake.complete(&id, &h1);
    *stage.fake.results.lock().unwrap() = Some(ResultsDag::Directory(dir.clone()));
    fs::write(dir.join("stdout"), "hallo\n").unwrap();
    let target = stage.fake.path("fetched/here");
    let error = client.fetch_results(&id.short(), 0, &target, Unpack::default()).unwrap_err();
    assert!(matches!(&error, ClientError::OtherResults { expected, .. } if *expected == h1), "{error}");
    assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 0, "nothing is left");
    // A directory that goes away cuts the answer, and nobody takes it for whole.
    fs::remove_dir_all(&dir).unwrap();
    let error = client.fetch_results(&id.short(), 0, &target, Unpack::default()).unwrap_err();
    assert!(matches!(&error, ClientError::Broken(..) | ClientError::HungUp(..)), "{error:?}");
}

#[test]
fn a_shard_without_a_result_says_why() {
    let stage = Stage::new();
    let client = stage.client(1);
    let id = client.submit(&signed(spec(), 1, 1)).unwrap();
    let mut record = bacalhau_testkit::records::ended(stage.fake.run(&id), bacalhau_job::ShardState::Failed, 5);
    record.shards[0].why = Some("two groups of runs are equally large".into());
    stage.fake.commit(&record, bacalhau_job::EventKind::Failed, "");
    let error = client.fetch_archive(&id.short(), 0, &mut Vec::new()).unwrap_err();
    assert_eq!(code(&error), ErrorCode::NotFound);
    assert!(error.to_string().contains("ended without a result: two groups"), "{error}");
}
