//! Each problem is found, and says what to do.

use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use super::*;
use crate::config::Layers;

/// A configuration in a directory, with ports that the system selects.
fn config(dir: &std::path::Path, text: &str) -> Config {
    let mut layers = Layers::default();
    let own = format!(
        "[node]\ndata_dir = {:?}\n[swarm]\nlisten = [\"/ip4/127.0.0.1/tcp/0\", \"/ip4/127.0.0.1/udp/0/quic-v1\"]\n[api]\nlisten = \"127.0.0.1:0\"\n",
        dir.join("data")
    );
    layers.text(std::path::Path::new("own.toml"), &own).unwrap();
    layers.text(std::path::Path::new("test.toml"), text).unwrap();
    layers.config().unwrap()
}

fn found(config: &Config, check: &str) -> Vec<(Level, String)> {
    examine(config).into_iter().filter(|it| it.check == check).map(|it| (it.level, it.text)).collect()
}

#[test]
fn a_usable_configuration_has_no_problem() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "");
    let problems: Vec<Finding> = examine(&config)
        .into_iter()
        .filter(|it| it.level == Level::Problem && it.check != "disk" && it.check != "open files")
        .collect();
    assert_eq!(problems, []);
    assert!(!dir.path().join("data").exists(), "nothing is made");
    let bids = bids_on(&config).join("\n");
    assert!(bids.contains("WebAssembly") && bids.contains("only data on this machine: the block store"), "{bids}");
}

#[test]
fn ports_in_use_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port();
    let config = config(
        dir.path(),
        &format!(
            "[api]\nlisten = \"{address}\"\n[swarm]\nlisten = [\"/ip4/127.0.0.1/tcp/{port}\", \"/ip4/192.0.2.1/tcp/0\"]\n"
        ),
    );
    let api = found(&config, "API address");
    assert!(
        matches!(&api[..], [(Level::Problem, text)] if text.contains("in use") && text.contains("change api.listen")),
        "{api:?}"
    );
    let swarm = found(&config, "swarm address");
    assert!(swarm[0].0 == Level::Problem && swarm[0].1.contains("change swarm.listen"), "{swarm:?}");
    assert!(swarm[1].0 == Level::Problem && swarm[1].1.contains("is not an address of this machine"), "{swarm:?}");
}

#[test]
fn directories_that_are_missing_or_of_another_kind_are_found() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("full")).unwrap();
    std::fs::write(dir.path().join("full/bafy"), "x").unwrap();
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    let path = |name: &str| format!("{}/{name}/{{{{.PieceCid}}}}", dir.path().display());
    let text = format!("[storage]\npiece_paths = [{:?}, {:?}, {:?}]\n", path("full"), path("empty"), path("missing"));
    let inputs = found(&config(dir.path(), &text), "inputs");
    assert!(inputs[0].0 == Level::Good && inputs[0].1.ends_with("has 1 entries"), "{inputs:?}");
    assert!(inputs[1].0 == Level::Note && inputs[1].1.contains("is empty"), "{inputs:?}");
    assert!(inputs[2].0 == Level::Problem && inputs[2].1.contains("correct storage.piece_paths"), "{inputs:?}");
    std::fs::write(dir.path().join("file"), "x").unwrap();
    let mut inside = config(dir.path(), "");
    inside.node.data_dir = Some(dir.path().join("file/data"));
    let data = found(&inside, "data directory");
    assert!(
        matches!(&data[..], [(Level::Problem, text)] if text.contains("cannot be made") && text.contains("--data-dir")),
        "{data:?}"
    );
}

#[test]
fn a_store_of_another_program_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "");
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data").join(bacalhau_store::FILE_NAME), "not a store").unwrap();
    let store = found(&config, "job store");
    assert!(matches!(&store[..], [(Level::Problem, text)] if text.contains("jobs.redb")), "{store:?}");
}

#[test]
fn clocks_and_limits_are_judged() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(bacalhau_store::FILE_NAME), "x").unwrap();
    let now = SystemTime::now();
    assert_eq!(system::clock(dir.path(), now).level, Level::Good);
    let back = system::clock(dir.path(), now - Duration::from_hours(1));
    assert!(back.level == Level::Problem && back.text.contains("set the clock"), "{back:?}");
    assert_eq!(system::clock(dir.path(), SystemTime::UNIX_EPOCH).level, Level::Problem);
    let levels = [Some(256), Some(2_048), Some(65_536), None].map(|limit| system::open_files(limit).level);
    assert_eq!(levels, [Level::Problem, Level::Note, Level::Good, Level::Good]);
}

#[test]
fn an_open_api_is_noted_and_a_node_that_runs_nothing_bids_on_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "[api]\nlisten = \"0.0.0.0:0\"\n[compute]\nenabled = false\n");
    let tokens = found(&config, "API tokens");
    assert!(matches!(&tokens[..], [(Level::Note, text)] if text.contains("--api-token-file")), "{tokens:?}");
    assert_eq!(bids_on(&config), ["none: compute.enabled is false"]);
}
