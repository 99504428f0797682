//! Configuration of a dispatcher, and the worker by itself.

use bacalhau_testkit::Lab;

#[test]
fn a_dispatcher_without_what_it_needs_says_what_is_missing() {
    let lab = Lab::new();
    let all = "--cluster-dir /shared --limit-total-cpu 4 --limit-total-memory 4GiB";
    for (flags, wanted) in [
        ("", "cluster.dir is not set"),
        ("--cluster-dir shared", "cluster.dir is not an absolute path"),
        ("--cluster-dir /shared --limit-total-cpu 4", "compute.total_cpu or compute.total_memory is not set"),
        (&format!("{all} --cluster-poll 10ms"), "cluster.poll is under 1 s"),
        (&format!("{all} --piece-url https://example.org/{{{{.PieceCid}}}}"), "storage.piece_urls is set"),
        (&format!("{all} --slurm-option=-x"), "-x in slurm.options does not begin with --"),
    ] {
        let end = lab.expect(2, &format!("serve --dispatcher slurm {flags}"));
        assert!(end.stderr.contains(wanted), "{flags}: {}", end.stderr);
    }
    let shared = "--kubernetes-shared claim=/shared";
    for (flags, wanted) in [
        ("", "kubernetes.shared is not set"),
        (shared, "kubernetes.image is not set"),
        ("--kubernetes-shared claim=/elsewhere --kubernetes-image x", "is not below the path of kubernetes.shared"),
        ("--kubernetes-shared claim", "write CLAIM=PATH"),
    ] {
        let end = lab.expect(2, &format!("serve --dispatcher kubernetes {all} {flags}"));
        assert!(end.stderr.contains(wanted), "{flags}: {}", end.stderr);
    }
    if cfg!(not(feature = "kubernetes")) {
        let line =
            format!("serve --dispatcher kubernetes {all} {shared} --kubernetes-image x --api-port 0 --swarm-port 0");
        let end = lab.expect(4, &line);
        assert!(end.stderr.contains("--features kubernetes"), "{}", end.stderr);
    }
    let end = lab.expect(2, "serve --dispatcher pbs");
    assert!(end.stderr.contains("write local"), "{}", end.stderr);
}

#[test]
fn a_node_whose_scheduler_is_not_there_starts_and_does_not_bid() {
    let lab = Lab::new();
    let shared = lab.path("shared");
    let flags = format!(
        "--dispatcher slurm --cluster-dir {} --slurm-bin-dir /no/such --limit-total-cpu 4 --limit-total-memory 4GiB \
         --bidding-time 1s",
        shared.display()
    );
    let node = lab.serve("front", &flags);
    let end = lab.expect(5, &format!("wasm run hello.wat -c 1 --verifier noop --api-host {}", node.api));
    assert!(end.stderr.contains("1 node: 1 has no engine"), "{}", end.stderr);
    let wanted = "slurm does not answer: cannot run /no/such/squeue";
    assert!(node.log().contains(wanted), "{}", node.log());
}

#[test]
fn the_doctor_looks_at_the_shared_directory_and_asks_the_scheduler() {
    let lab = Lab::new();
    let config = format!(
        "[compute]\ndispatcher = \"slurm\"\ntotal_cpu = 4\ntotal_memory = \"4GiB\"\n\
         [cluster]\ndir = \"{}\"\n[slurm]\nbin_dir = \"/no/such\"\n",
        lab.path("shared").display()
    );
    lab.write("config.toml", config);
    let told = |code| lab.expect(code, "doctor --config config.toml").stdout;
    let without = told(4);
    assert!(without.contains("cannot write in") && without.contains("set cluster.dir"), "{without}");
    std::fs::create_dir(lab.path("shared")).unwrap();
    let with = told(4);
    assert!(with.contains("shared is writable") && with.contains("cannot run /no/such/squeue"), "{with}");
    assert!(with.contains("4 cores and 4.0 GiB memory of the cluster are given to jobs"), "{with}");
}

#[test]
fn a_worker_without_a_job_file_says_what_is_missing() {
    let lab = Lab::new();
    lab.write("empty/x", "");
    let end = lab.expect(4, "execute empty");
    assert!(end.stderr.contains("cannot read") && end.stderr.contains("job.cbor"), "{}", end.stderr);
    lab.write("empty/job.cbor", "x");
    assert!(lab.expect(4, "execute empty").stderr.contains("job.cbor"));
    assert_eq!(lab.list("empty"), ["job.cbor", "x"], "no attempt is left behind");
}
