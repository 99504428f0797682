//! The verbs of a server's clients where there is no server: what they say, and how they end.

use bacalhau_testkit::Lab;

/// A port at which nobody listens.
const NOBODY: &str = "--api-host 127.0.0.1 --api-port 1";

#[test]
fn a_server_that_is_not_there_is_said_with_its_address_by_every_verb() {
    let lab = Lab::new();
    // More than fits into any buffer on the way.
    lab.write("data/large", vec![7; 4 << 20]);
    lab.write("job.yaml", "engine: {wasm: {module: hello.wat}}\ninputs: ['data:/inputs']\n");
    let verbs = ["list", "describe JOB", "logs JOB", "logs JOB -f", "get JOB", "cancel JOB", "node list", "id"];
    let jobs =
        ["list", "describe JOB", "logs JOB", "get JOB", "stop JOB", "run job.yaml"].map(|verb| format!("job {verb}"));
    let creates = ["create job.yaml", "create job.yaml --id-only", "create job.yaml -f"];
    let lines = verbs.into_iter().chain(creates).chain(jobs.iter().map(String::as_str));
    let mut lines: Vec<String> = lines.map(|line| line.replace("JOB", "abcdefgh")).collect();
    let image = format!("busybox@sha256:{}", "0".repeat(64));
    for flags in ["", "-i data:/inputs", "-i data:/inputs --id-only", "-i data:/inputs --no-wait", "-f"] {
        lines.push(format!("wasm run hello.wat {flags}"));
        lines.push(format!("docker run {image} {flags}"));
    }
    for line in lines {
        let end = lab.expect(4, &format!("{line} {NOBODY}"));
        let expected = "error: cannot reach the server at http://127.0.0.1:1: ";
        assert!(end.stderr.contains(expected), "{line}: {}", end.stderr);
        assert!(end.stderr.contains("is `bacalhau serve` running there?"), "{line}: {}", end.stderr);
        assert!(end.stdout.is_empty(), "{line}");
    }
    assert_eq!(lab.new_names(), ["data", "job.yaml"]);
}

#[test]
fn the_server_is_named_by_flag_environment_or_file() {
    let lab = Lab::new();
    lab.write("client.toml", "[client]\napi_host = \"127.0.0.1\"\napi_port = 2\n");
    let reached = |line: &str, env: &[(&str, &str)]| {
        let end = lab.command(line).envs(env.iter().copied()).output().unwrap();
        let said = String::from_utf8(end.stderr).unwrap();
        said.split("http://").nth(1).unwrap_or(&said).split(':').nth(1).unwrap_or_default().to_owned()
    };
    let env = [("BACALHAU_API_HOST", "127.0.0.1"), ("BACALHAU_API_PORT", "3")];
    let old = [("BACALHAU_HOST", "127.0.0.1:4")];
    assert_eq!(reached("list --config client.toml", &[]), "2");
    assert_eq!(reached("list --config client.toml", &env), "3");
    assert_eq!(reached("list", &old), "4");
    assert_eq!(reached(&format!("list --config client.toml {NOBODY}"), &env), "1");
    let end = lab.expect(2, "list --api-host ftp://host");
    assert!(end.stderr.contains("write HOST, HOST:PORT or http://HOST:PORT"), "{}", end.stderr);
}

#[test]
fn a_client_has_one_name() {
    let lab = Lab::new();
    let id = lab.command("id --output json").env("BACALHAU_API_PORT", "").output().unwrap();
    let id: serde_json::Value = serde_json::from_slice(&id.stdout).unwrap();
    assert!(id["client"].as_str().unwrap().starts_with("12D3KooW"), "{id}");
    assert_eq!(lab.expect_json(0, "id --output json")["client"], id["client"]);
    assert!(lab.path("client/client_key").exists());
}

#[test]
fn a_job_in_a_file_is_shown_as_it_would_be_submitted() {
    let lab = Lab::new();
    lab.write(
        "job.yaml",
        "engine: {wasm: {module: hello.wat, job: {limits: {fuel: 5000}}}}\ninputs: ['echo.wat:/in']\n",
    );
    let spec = lab.expect_json(0, "create job.yaml --dry-run --output json");
    let job = &spec["engine"]["wasm"]["job"];
    assert_eq!((&job["limits"]["fuel"], &job["entry_point"]), (&5000.into(), &"_start".into()));
    assert_eq!((&spec["deal"]["concurrency"], &spec["inputs"][0]["target"]), (&3.into(), &"/in".into()));
    let module = lab.expect_json(0, "wasm validate hello.wat --output json");
    assert_eq!(job["module"], module["module"]);
    let shown = lab.expect(0, "create job.yaml --dry-run").stdout;
    lab.write("shown.yaml", shown);
    assert_eq!(lab.expect_json(0, "create shown.yaml --dry-run --output json"), spec, "what is shown is a job");
}

#[test]
fn what_is_no_job_is_refused() {
    let lab = Lab::new();
    lab.write("slip.yaml", "engine: {wasm: {module: hello.wat, job: {arg: []}}}\n");
    lab.write("deal.yaml", "engine: {wasm: {module: hello.wat}}\ndeal: {concurrency: 2, confidence: 3}\n");
    lab.write("module.yaml", "engine: {wasm: {module: missing.wasm}}\n");
    lab.write("text.yaml", "hello\n");
    let table = [
        ("create missing.yaml", "cannot read missing.yaml"),
        ("create slip.yaml", "slip.yaml is not a valid job: engine.wasm.job: unknown field `arg`"),
        ("create deal.yaml", "confidence 3 can never be reached by 2 runs"),
        ("create module.yaml", "cannot find missing.wasm"),
        ("create text.yaml", "text.yaml is not a valid job: the file must be a map"),
        ("create deal.yaml --id-only --follow", "--follow"),
        ("list --state Done", "Done"),
        ("get abcdefgh.json", "cannot find abcdefgh.json"),
    ];
    for (line, words) in table {
        let end = lab.expect(2, line);
        assert!(end.stderr.contains(words), "{line}: {}", end.stderr);
    }
}
