//! Help texts, usage errors, and the small verbs.

use bacalhau_testkit::Lab;

#[test]
fn every_verb_has_help_with_an_example() {
    let lab = Lab::new();
    let local = [
        "backup",
        "restore",
        "wasm run",
        "docker run",
        "wasm validate",
        "verify",
        "get",
        "hash",
        "execute",
        "doctor",
        "piece",
        "version",
        "completion",
    ];
    let network =
        ["create", "list", "describe", "logs", "cancel", "serve", "devstack", "id", "node list", "publications"];
    let job = ["run", "list", "describe", "get", "logs", "stop"].map(|verb| format!("job {verb}"));
    let config = ["config default", "config show"];
    let ipfs = ["add", "get", "ls", "serve", "export", "import", "pin add", "pin rm", "pin ls", "gc", "stat"];
    let ipfs = ipfs.map(|verb| format!("ipfs {verb}"));
    let verbs = local.into_iter().chain(network).chain(config);
    for verb in verbs.chain(ipfs.iter().chain(&job).map(String::as_str)) {
        let help = lab.expect(0, &format!("{verb} --help"));
        assert!(help.stdout.contains("Examples:\n  bacalhau "), "{verb}");
        assert!(help.stderr.is_empty());
        assert_eq!(lab.expect(0, &format!("help {verb}")).stdout, help.stdout);
    }
}

#[test]
fn the_exit_codes_are_documented() {
    let lab = Lab::new();
    let help = lab.expect(0, "help").stdout;
    assert_eq!(help, lab.expect(0, "--help").stdout);
    for line in ["0  success", "3  the module or the job was rejected", "5  no verified result", "10  the program"] {
        assert!(help.contains(line), "{line}");
    }
}

#[test]
fn flags_of_a_run_come_under_headings() {
    let help = Lab::new().expect(0, "wasm run --help").stdout;
    for heading in ["Inputs and outputs:", "Verification:", "Limits (", "Machine:", "Data by CID:", "Publishing:"] {
        assert!(help.contains(&format!("\n{heading}")), "{heading}");
    }
    let serve = Lab::new().expect(0, "serve --help").stdout;
    let headings =
        ["Addresses:", "Peer-to-peer network:", "Running jobs (provider):", "Managing jobs (requester):", "Log:"];
    for heading in headings {
        assert!(serve.contains(&format!("\n{heading}")), "{heading}");
    }
    let get = Lab::new().expect(0, "ipfs get --help").stdout;
    assert!(get.contains("--ipfs-connect") && !get.contains("--unsealed-verify"), "no flag that does nothing: {get}");
}

#[test]
fn usage_errors_say_what_is_wrong_and_leave_nothing() {
    let lab = Lab::new();
    lab.write("taken/mine.txt", "");
    let before = lab.list(".");
    let table = [
        ("", "Usage:"),
        ("wasm", "Usage:"),
        ("wasm run", "<MODULE>"),
        ("wasm run -- hello.wat", "<MODULE>"),
        ("wasm run hello.wat --no-such-flag", "--no-such-flag"),
        ("wasm run missing.wasm", "cannot find missing.wasm"),
        ("wasm run ipfs://bafy", "bafy is not a CID"),
        ("wasm run bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5", "is not a CID"),
        ("wasm run hello.wat -i missing:/in", "input missing:/in: cannot find missing"),
        ("wasm run hello.wat -i hello.wat:/in -i echo.wat:/in/", "two inputs at /in"),
        ("wasm run hello.wat -o report", "NAME:PATH"),
        ("wasm run hello.wat -o a:/b -o a:/c", "two outputs have the name a"),
        ("wasm run hello.wat -e HOME", "KEY=VALUE"),
        ("wasm run hello.wat -e A=1 -e A=2", "set twice"),
        ("wasm run hello.wat -c 0", "0 is not in 1.."),
        ("wasm run hello.wat -c 2 --confidence 3", "confidence 3 can never be reached by 2 runs"),
        ("wasm run hello.wat --verifier noop --confidence 1", "--confidence needs the deterministic verifier"),
        ("wasm run hello.wat --memory much", "64k, 512MiB"),
        ("wasm run hello.wat --fuel -5", "-5"),
        ("wasm run hello.wat --timeout 0", "above 0"),
        ("wasm run hello.wat --output-dir taken", "it contains \"mine.txt\""),
        ("wasm run hello.wat --output-dir hello.wat", "cannot put results at hello.wat"),
        ("wasm run hello.wat --output-dir .", "cannot put results at ."),
        ("wasm run taken --output-dir out", "is a directory"),
        ("verify missing.json", "cannot read the receipt missing.json"),
        ("hash missing", "missing"),
        ("hash hello.wat", "not a directory"),
    ];
    for (line, words) in table {
        let end = lab.expect(2, line);
        assert!(end.stderr.contains(words), "{line}: {}", end.stderr);
        assert!(end.stdout.is_empty(), "{line}");
    }
    let after: Vec<_> = lab.list(".").into_iter().filter(|name| name != ".cache").collect();
    assert_eq!(after, before);
}

#[test]
fn version_says_under_which_rules() {
    let lab = Lab::new();
    let version = lab.expect_json(0, "version --output json");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["profile_id"].as_str().unwrap().starts_with("bafyrei"));
    assert!(lab.expect(0, "version").stdout.contains("profile    v1 (bafyrei"));
    assert!(lab.expect(0, "--version").stdout.starts_with("bacalhau "));
}

#[test]
fn completion_knows_the_flags() {
    let lab = Lab::new();
    for shell in ["bash", "fish", "zsh", "powershell", "elvish"] {
        assert!(lab.expect(0, &format!("completion {shell}")).stdout.contains("output-dir"), "{shell}");
    }
    lab.expect(2, "completion cobol");
}
