//! Archives, as `@ipld/car` reads and writes them: on disk, and as a gateway sends them.

use std::process::Stdio;

use bacalhau_cas::Cid;
use serde_json::Value;

use crate::process::{Kind, Process, script};
use crate::support::{Ours, contents, pattern, trees};

#[test]
fn a_gateway_that_others_wrote() {
    let Some(gateway) = Process::start(Kind::Gateway) else { return };
    let ours = Ours::start();
    let fetch = |name: &str| {
        let root: Cid = gateway.ready["roots"][name].as_str().unwrap().parse().unwrap();
        contents(&ours.get(&gateway.addr, &root))
    };
    let file = fetch("file");
    assert!(file.len() == 1 && file.values().all(|content| *content == pattern(3 * (1 << 20) + 17)));
    let directory = fetch("directory");
    let names: Vec<&str> = directory.keys().map(|name| name.to_str().unwrap()).collect();
    assert_eq!(names, ["a.txt", "sub/again.bin", "sub/ünï.bin"]);
    assert!(directory.values().skip(1).all(|content| *content == pattern((1 << 20) + 1)));
    let shards = fetch("shards");
    assert_eq!(shards.len(), 1000);
    assert!(shards.iter().all(|(name, content)| name.to_str().unwrap().as_bytes().ends_with(content)));
}

#[test]
fn an_archive_that_others_read_and_write_alike() {
    let mut reader = match script("car.mjs") {
        Ok(command) => command,
        Err(why) => return eprintln!("skipped: archives of @ipld/car: {why}; tests/peers/install.sh gets it"),
    };
    let ours = Ours::start();
    let dir = tempfile::tempdir().unwrap();
    let (_, nested) = trees(dir.path()).remove(2);
    let root = ours.add(&nested);
    let (archive, again) = (ours.export(&root), dir.path().join("again.car"));
    let end = reader.arg(&archive).arg(&again).stderr(Stdio::inherit()).output().unwrap();
    assert!(end.status.success());
    let read: Value = serde_json::from_slice(&end.stdout).unwrap();
    assert_eq!(read["roots"], serde_json::json!([root.to_string()]));
    assert!(std::fs::read(&archive).unwrap() == std::fs::read(&again).unwrap(), "{read}");
}
