//! `config`, and what serving commands say of a configuration that makes no sense.

use bacalhau_testkit::Lab;

#[test]
fn the_default_file_changes_nothing() {
    let lab = Lab::new();
    let file = lab.expect(0, "config default").stdout;
    lab.write("default.toml", &file);
    let shown = lab.expect(0, "config show").stdout;
    assert_eq!(lab.expect(0, "config show --config default.toml").stdout, shown);
    lab.write("shown.toml", &shown);
    assert_eq!(lab.expect(0, "config show --config shown.toml").stdout, shown, "what is shown is a file");
}

#[test]
fn every_value_says_who_set_it() {
    let lab = Lab::new();
    lab.write("site.toml", "[compute]\nlocality = \"anywhere\"\nreject_stateless = true\n");
    lab.write("host.toml", "[compute]\nlocality = \"local\"\n");
    let mut command = lab.command("config show --origin --config site.toml --config host.toml --output json");
    command.env("BACALHAU_REQUESTER_TRIES", "5");
    let shown: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let line = |key: &str| shown.as_array().unwrap().iter().find(|line| line["key"] == key).unwrap();
    let expected = [
        ("compute.locality", "\"local\"", "host.toml:2"),
        ("compute.reject_stateless", "true", "site.toml:3"),
        ("requester.tries", "5", "BACALHAU_REQUESTER_TRIES"),
        ("storage.ipfs_connect", "[\"none\"]", "BACALHAU_IPFS_CONNECT"),
        ("api.listen", "\"127.0.0.1:1234\"", "default"),
    ];
    for (key, value, origin) in expected {
        assert_eq!((line(key)["value"].as_str(), line(key)["origin"].as_str()), (Some(value), Some(origin)), "{key}");
    }
}

#[test]
fn slips_are_refused_with_their_place() {
    let lab = Lab::new();
    lab.write("slip.toml", "[compute]\n# a comment\nlocalty = \"local\"\n");
    lab.write("value.toml", "[compute]\nlocality = \"near\"\n");
    let table = [
        ("config show --config slip.toml", "slip.toml:3: unknown key compute.localty (did you mean compute.locality?)"),
        ("config show --config missing.toml", "cannot read the configuration missing.toml"),
        ("serve --config value.toml", "value.toml:2: compute.locality: \"near\" does not fit: write local or anywhere"),
        ("serve --job-selection-data-locality near", "--job-selection-data-locality: compute.locality: \"near\""),
        ("serve --peer /ip4/127.0.0.1/tcp/1", "add /p2p/ID"),
        ("serve --filecoin-unsealed-path {{.Cid}}", "storage.filecoin_unsealed_path"),
        ("serve --limit-job-cpu 2 --limit-total-cpu 1", "compute.job_cpu is more than compute.total_cpu"),
        ("devstack --nodes 2 --bad-actors 3", "there are 2 nodes, and 3 bad ones"),
        ("devstack --nodes 0", "0 is not in 1..=100"),
    ];
    for (line, words) in table {
        let end = lab.expect(2, line);
        assert!(end.stderr.contains(words), "{line}: {}", end.stderr);
        assert!(end.stdout.is_empty(), "{line}");
    }
}

#[test]
fn variables_that_nothing_reads_are_said_with_what_was_meant() {
    let lab = Lab::new();
    let said = |line: &str, set: &[(&str, &str)]| {
        let end = lab.command(line).envs(set.iter().copied()).output().unwrap();
        assert!(end.status.success(), "{line}");
        String::from_utf8(end.stderr).unwrap()
    };
    let slip = ("BACALHAU_IPFS_CONECT", "none");
    let expected =
        "warning: the environment variable BACALHAU_IPFS_CONECT has no effect: did you mean BACALHAU_IPFS_CONNECT?\n";
    for line in ["version", "hash .", "config show", "completion bash"] {
        assert_eq!(said(line, &[slip]), expected, "{line}");
    }
    let far =
        "warning: the environment variable BACALHAU_ZZZ has no effect: `bacalhau config default` lists the names\n";
    assert_eq!(said("version", &[("BACALHAU_ZZZ", "")]), far);
    assert_eq!(said("wasm run hello.wat -q --output-dir out", &[slip]), "", "--quiet is quiet");
    // Those of keys, of flags, of other programs, and of our tests.
    let known = ["SWARM_MDNS", "API_HOST", "STORE_SIZE", "CACHE_DIR", "TEST_PEERS", "JOB_SELECTION_PROBE_DATA"];
    let known = known.map(|name| format!("BACALHAU_{name}"));
    let known: Vec<_> = known.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(said("version", &known), "");
}
