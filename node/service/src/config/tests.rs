//! Files, environment and flags, one over the other; and that table, struct and default file agree.

use std::path::{Path, PathBuf};

use super::*;
use bacalhau_compute::Locality;

fn key(path: &str) -> &'static Key {
    KEYS.iter().find(|key| key.path == path).unwrap()
}

fn nothing(_: &str) -> Option<String> {
    None
}

fn read(text: &str) -> Result<Config, String> {
    let mut layers = Layers::default();
    let read = layers.text(Path::new("a.toml"), text).and_then(|()| layers.config());
    read.map_err(|error| error.to_string())
}

#[test]
fn the_default_file_without_its_marks_is_the_default() {
    let file = default_file();
    let bare: Vec<&str> = file.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect();
    let is_key = |line: &&str| line.split_once(" = ").is_some_and(|(name, _)| KEYS.iter().any(|key| key.name == name));
    let lines: Vec<&str> = bare.into_iter().filter(|line| line.starts_with('[') || is_key(line)).collect();
    assert_eq!(lines.len(), SECTIONS.len() + KEYS.len(), "{lines:#?}");
    assert_eq!(read(&lines.join("\n")), Ok(Layers::default().config().unwrap()));
    assert_eq!(read(&file), Ok(Layers::default().config().unwrap()), "as it is, it changes nothing");
}

/// `BLESS=1` writes it anew.
#[test]
fn the_file_that_is_shipped_is_the_default_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/config.toml");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, default_file()).unwrap();
    }
    let shipped = std::fs::read_to_string(&path).unwrap();
    assert!(default_file() == shipped, "the keys changed: look at the change with BLESS=1 and git diff");
}

#[test]
fn every_key_is_documented_and_has_names_of_its_own() {
    let file = default_file();
    let mut names: Vec<String> = Vec::new();
    for key in KEYS {
        assert!(key.doc.iter().all(|line| !line.trim().is_empty()), "{}", key.path);
        assert!(file.contains(&format!("\n# {} = ", key.name)), "{}", key.path);
        names.push(key.env());
        names.extend(key.also.iter().map(ToString::to_string));
        names.extend(key.flag.map(|flag| format!("--{flag}")));
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "two keys share a name");
}

#[test]
fn what_is_shown_is_what_is_in_force() {
    let layers = Layers::default();
    let config = layers.config().unwrap();
    let shown = in_force(&layers, &config);
    assert_eq!(shown.len(), KEYS.len());
    let text: Vec<String> = SECTIONS
        .iter()
        .flat_map(|(section, _)| {
            let keys = shown.iter().filter(move |line| line.key.section == *section);
            std::iter::once(format!("[{section}]")).chain(keys.map(|line| format!("{} = {}", line.key.name, line.toml)))
        })
        .collect();
    assert_eq!(read(&text.join("\n")), Ok(config));
}

#[test]
fn a_flag_beats_the_environment_beats_a_later_file_beats_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let first = write(
        "first.toml",
        "[api]\nlisten = \"127.0.0.1:1\"\n[compute]\nlocality = \"anywhere\"\n[requester]\ntries = 5\n[log]\nlevel = \"debug\"",
    );
    let second = write(
        "second.toml",
        "[compute]\nlocality = \"local\"\nreject_stateless = true\n[requester]\ntries = 6\n[log]\nlevel = \"warn\"",
    );
    let env = |name: &str| match name {
        "BACALHAU_REQUESTER_TRIES" => Some("7".into()),
        "LOG_LEVEL" => Some("error".into()),
        "BACALHAU_API_LISTEN" => Some(String::new()),
        _ => None,
    };
    let mut layers = Layers::load(&[first.clone(), second.clone()], env).unwrap();
    layers.flag(key("log.level"), "log-level", RawValue::One("trace".into())).unwrap();
    let config = layers.config().unwrap();
    assert_eq!(config.api.listen.port(), 1);
    assert_eq!((config.compute.locality, config.compute.reject_stateless), (Locality::Local, true));
    assert_eq!((config.requester.tries, config.log.level), (7, LogLevel::Trace));
    let origin = |path: &str| layers.origin(path).unwrap().to_string();
    assert_eq!(origin("api.listen"), format!("{}:2", first.display()));
    assert_eq!(origin("compute.locality"), format!("{}:2", second.display()));
    assert_eq!(origin("requester.tries"), "BACALHAU_REQUESTER_TRIES");
    assert_eq!(origin("log.level"), "--log-level");
    assert_eq!(origin("swarm.mdns"), "default");
    assert_eq!(layers.origin("swarm.mdsn"), None);
}

#[test]
fn of_two_variables_that_mean_the_same_its_own_is_the_stronger() {
    let env = |name: &str| match name {
        "BACALHAU_DIR" => Some("/old".into()),
        "BACALHAU_HOST" => Some("old".into()),
        "BACALHAU_API_HOST" => Some("new".into()),
        "BACALHAU_NODE_DATA_DIR" => Some("/new".into()),
        _ => None,
    };
    let config = Layers::load(&[], env).unwrap().config().unwrap();
    assert_eq!(config.node.data_dir, Some("/new".into()));
    assert_eq!(config.client.api_host.as_deref(), Some("new"));
}

#[test]
fn what_there_is_not_is_refused_with_its_line_and_what_is_near() {
    let table = [
        ("[compute]\n\nlocalty = \"local\"", "a.toml:3: unknown key compute.localty (did you mean compute.locality?"),
        ("[swarm]\nlocality = \"local\"", "a.toml:2: unknown key swarm.locality (did you mean compute.locality?"),
        ("[swram]\nmdns = true", "a.toml:1: unknown section swram (did you mean swarm?"),
        ("listen = \"x\"", "a.toml:1: unknown section listen (did you mean"),
        ("[api]\ncolour = 1", "a.toml:2: unknown key api.colour; `bacalhau config default`"),
        ("[api]\nlisten = 1234", "a.toml:2: api.listen: \"1234\" does not fit"),
        ("[api]\nlisten = [\"127.0.0.1:1\"]", "api.listen: expected a single value"),
        ("[swarm]\nmdns = 1979-05-27", "a.toml:2: swarm.mdns: write true or false"),
        ("[swarm]\nlisten = [1979-05-27]", "swarm.listen: write a multiaddr"),
        ("swarm = 5", "a.toml:1: swarm: write [swarm] and its keys below it"),
        ("[api\nlisten", "a.toml:1: invalid TOML"),
        ("[api]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"", "a.toml:3: invalid TOML"),
    ];
    for (text, words) in table {
        let error = read(text).unwrap_err();
        assert!(error.contains(words), "{text}\n{error}");
    }
    let env = |name: &str| (name == "BACALHAU_SWARM_MDNS").then(|| "yes".into());
    let error = Layers::load(&[], env).unwrap_err().to_string();
    assert_eq!(error, "BACALHAU_SWARM_MDNS: swarm.mdns: \"yes\" does not fit: write true or false");
    let error = Layers::load(&["missing.toml".into()], nothing).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the configuration missing.toml: "), "{error}");
}

#[test]
fn values_that_make_no_sense_together_are_refused() {
    let table = [
        ("[compute]\njob_cpu = 2\ntotal_cpu = \"500m\"", "compute.job_cpu is more than compute.total_cpu"),
        ("[compute]\njob_memory = \"2g\"\ntotal_memory = \"1g\"", "compute.job_memory is more than"),
        ("[compute]\nprobe_http = \"ftp://x\"", "compute.probe_http: ftp://x is not an http"),
        ("[compute]\nprobe_http = \"x\"", "compute.probe_http: "),
        ("[swarm]\npeers = [\"/ip4/127.0.0.1/tcp/1\"]", "has no peer ID: add /p2p/ID"),
        ("[swarm]\npeers = [\"host\"]", "swarm.peers: host is not a multiaddr"),
        ("[storage]\nipfs_connect = [\"x\"]", "storage.ipfs_connect: x is not a valid peer address"),
        ("[storage]\nfilecoin_unsealed_path = \"{{.Cid}}\"", "storage.filecoin_unsealed_path: "),
        ("[storage]\ncid_url = \"/x/{{.Cid}}\"", "storage.cid_url: "),
        ("[storage]\npiece_paths = [\"{{.PieceCid}}\"]", "storage.piece_paths: "),
        ("[storage]\npiece_paths = [\"/d/{{.Number}}\"]", "storage.piece_numbers"),
        ("[storage]\npiece_urls = [\"/x/{{.PieceCid}}\"]", "storage.piece_urls: "),
        ("[requester]\ntries = 0", "requester.tries is 0"),
        ("[requester]\nsilence = \"2s\"", "requester.silence is under 3 s"),
    ];
    for (text, words) in table {
        let error = read(text).unwrap_err();
        assert!(error.contains(words), "{text}\n{error}");
    }
    let config = read("[swarm]\npeers = [\"none\"]\n[storage]\nipfs_connect = [\"none\"]").unwrap();
    assert!(config.swarm.peer_addrs().unwrap().is_empty() && config.storage.peers().unwrap().is_empty());
}

#[test]
fn a_provider_promises_what_there_is() {
    let machine = bacalhau_job::Resources { cpu_millis: 4000, memory_bytes: 8 << 30, disk_bytes: 100 << 30 };
    let compute = read("[compute]\ntotal_cpu = 2\njob_memory = \"1GiB\"").unwrap().compute_config(machine).unwrap();
    assert_eq!(compute.total, bacalhau_job::Resources { cpu_millis: 2000, ..machine });
    assert_eq!(compute.per_job, bacalhau_job::Resources { cpu_millis: 2000, memory_bytes: 1 << 30, ..machine });
    let error = read("[compute]\ntotal_cpu = 5").unwrap().compute_config(machine).unwrap_err().to_string();
    assert!(error.contains("compute.total_cpu is 5000 thousandths of a core, but this machine has 4000"), "{error}");
    let small = read("[compute]\njob_cpu = 8").unwrap().compute_config(machine).unwrap();
    assert_eq!(small.per_job.cpu_millis, 4000);
}

#[test]
fn defaults_of_the_rooms_are_those_of_the_configuration() {
    let config = Layers::default().config().unwrap();
    // A node that listens to everybody tells bidders apart by their addresses.
    let theirs = bacalhau_requester::RequesterConfig {
        distinct: bacalhau_job::Distinct::Prefix,
        draw: bacalhau_job::DrawMode::Fair,
        ..bacalhau_requester::RequesterConfig::default()
    };
    let ours = config.requester_config().unwrap();
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    for closed in [
        "[swarm]\nlisten = [\"/ip4/127.0.0.1/tcp/0\", \"/ip6/::1/tcp/0\"]",
        "[swarm]\nallow_peers = [\"12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB\"]",
    ] {
        let ours = read(closed).unwrap().requester_config().unwrap();
        let fast = (bacalhau_job::Distinct::None, bacalhau_job::DrawMode::Fast);
        assert_eq!((ours.distinct, ours.draw), fast, "{closed}");
    }
    let compute = config.compute_config(bacalhau_job::Resources::default()).unwrap();
    let theirs = bacalhau_compute::ComputeConfig::default();
    assert_eq!(compute.keep_ms, theirs.keep_ms);
    assert_eq!(config.maxima(), bacalhau_compute::Maxima::default());
}

#[test]
fn a_token_of_the_environment_is_in_force_and_in_no_listing() {
    let layers = Layers::load(&[], |name| (name == "ESTUARY_API_KEY").then(|| "s3cr3t".into())).unwrap();
    let config = layers.config().unwrap();
    assert_eq!(config.estuary.token.as_ref().unwrap().expose(), "s3cr3t");
    let listing = in_force(&layers, &config);
    let line = listing.iter().find(|line| line.key.path == "estuary.token").unwrap();
    assert_eq!((line.toml.as_str(), line.origin.to_string().as_str()), ("\"(secret)\"", "ESTUARY_API_KEY"));
    assert!(!format!("{layers:?} {config:?} {listing:?}").contains("s3cr3t"));
    let error = Layers::load(&[], |name| (name == "ESTUARY_API_KEY").then(|| "s3cr3t ?".into())).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
}
