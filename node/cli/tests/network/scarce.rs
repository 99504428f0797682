//! Too few providers: the same exit code from every command that says how the job ended.

use bacalhau_testkit::Lab;

#[test]
fn too_few_bids_have_one_exit_code() {
    let lab = Lab::new();
    lab.write("job.yaml", "engine: {wasm: {module: hello.wat}}\ndeal: {concurrency: 2}\n");
    // It runs jobs, and is one node: nobody else offers.
    let node = lab.serve("node", "--bidding-time 2s");
    let at = format!("--api-host {}", node.api);
    for line in ["wasm run hello.wat -c 2", "wasm run hello.wat -c 2 --output json", "create job.yaml"] {
        let end = lab.expect(5, &format!("{line} {at}"));
        let said = end.stdout + &end.stderr;
        assert!(said.contains("not enough providers offered to run it"), "{line}: {said}");
        assert!(!said.contains("hold the inputs"), "there are none: {said}");
    }
    let jobs = lab.expect_json(0, &format!("list --output json {at}"));
    let job = jobs[0]["id"].as_str().unwrap();
    let end = lab.expect(5, &format!("get {job} {at}"));
    assert!(end.stderr.contains("the job has no results: it is Failed"), "{}", end.stderr);
    // To describe it is no failure.
    let shown = lab.expect(0, &format!("describe {job} {at}")).stdout;
    assert!(shown.contains("not enough providers offered to run it"), "{shown}");
}
