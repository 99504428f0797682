//! Other users of the machine: what they can read of a node, and what they can prepare for it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use serde_json::Value;

use bacalhau_testkit::Lab;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// Everything at and below `path`.
fn all(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_path_buf()];
    let mut index = 0;
    while index < found.len() {
        if fs::symlink_metadata(&found[index]).unwrap().is_dir() {
            found.extend(fs::read_dir(&found[index]).unwrap().map(|entry| entry.unwrap().path()));
        }
        index += 1;
    }
    found
}

#[test]
fn another_user_reads_the_data_directory() {
    let lab = Lab::new();
    let mut node = lab.serve("node", "--log-level info");
    lab.expect(0, &format!("wasm run hello.wat -c 1 --min-bids 1 --private --api-host {} --output-dir out", node.api));
    let data = lab.path("node");
    assert!(data.join("jobs.redb").exists() && data.join("results").exists());
    let open = |path: &PathBuf| mode(path) & 0o077 != 0;
    // While it serves, and what results are of: not a file or directory that others could read if they got there.
    let found: Vec<_> = all(&data).into_iter().filter(open).collect();
    assert_eq!(found, Vec::<PathBuf>::new());
    // As an earlier version has left it.
    node.kill();
    for name in [".", "results", "jobs.redb", "executions"] {
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    node.again(&lab);
    for name in [".", "results", "jobs.redb", "executions"] {
        assert_eq!(mode(&data.join(name)) & 0o077, 0, "{name}");
    }
    assert_eq!(node.log().matches("other users of this machine had access").count(), 1, "{}", node.log());
}

#[test]
fn another_user_prepares_the_directory_of_the_cache() {
    let lab = Lab::new();
    let prepared = lab.path("prepared");
    fs::create_dir(&prepared).unwrap();
    fs::set_permissions(&prepared, fs::Permissions::from_mode(0o777)).unwrap();
    if chown(&prepared, Some(1234), None).is_err() {
        println!("skipped: only root can make a directory of another user");
        return;
    }
    let end = lab.expect(0, "wasm run hello.wat -c 1 --cache-dir prepared --output-dir out");
    assert!(end.stderr.contains("is not used as a cache: it belongs to the user 1234"), "{}", end.stderr);
    assert_eq!(fs::read_dir(&prepared).unwrap().count(), 0, "a key or code was written for another user to read");
}

#[test]
fn another_user_prepares_the_data_directory() {
    let lab = Lab::new();
    let prepared = lab.path("prepared");
    fs::create_dir(&prepared).unwrap();
    if chown(&prepared, Some(1234), None).is_err() {
        println!("skipped: only root can make a directory of another user");
        return;
    }
    let end = lab.expect(4, "serve --data-dir prepared --host 127.0.0.1 --swarm-port 0 --api-port 0");
    assert!(end.stderr.contains("belongs to the user 1234") && end.stderr.contains("--data-dir"), "{}", end.stderr);
    assert!(!prepared.join("identity").exists() && !prepared.join("jobs.redb").exists());
}

#[test]
fn a_receipt_tells_where_a_provider_keeps_its_data() {
    let lab = Lab::new();
    lab.write("secret-place/a", "data");
    let cid = lab.cid("secret-place/a");
    fs::rename(lab.path("secret-place/a"), lab.path("secret-place").join(&cid)).unwrap();
    let place = lab.path("secret-place").display().to_string();
    let node =
        lab.serve("node", &format!("--filecoin-unsealed-path {place}/{{{{.Cid}}}} --publish-dir {place}/published"));
    let line =
        format!("wasm run hello.wat -c 1 --min-bids 1 -i {cid}:/in -p local --api-host {} --output-dir out", node.api);
    lab.expect(0, &line);
    let receipt = fs::read_to_string(lab.path("out/receipt.json")).unwrap();
    let known: Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!(known["unclaimed"]["input_services"]["/in"][0]["driver"], "unsealed", "{receipt}");
    assert!(known["unclaimed"]["input_services"]["/in"][0]["place"].as_str().unwrap().contains(&cid), "{receipt}");
    let id = known["claim"]["job_cid"].as_str().unwrap().to_owned();
    assert!(!id.is_empty() && !receipt.contains("secret-place"), "{receipt}");
    let jobs = lab.expect(0, &format!("list --output json --api-host {}", node.api)).stdout;
    assert!(!jobs.contains("secret-place"), "{jobs}");
}
