//! Real modules through the real runtime.

use bacalhau_receipt::Outcome;
use bacalhau_runtime::{Options, Runtime};
use bacalhau_tree::Link;

use super::*;
use crate::policy::tests::{job, sources};
use bacalhau_storage::LocalStorage;

/// Says `hello`, and then what `rest` does.
fn module(rest: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\05\00\00\00")
            (data (i32.const 16) "hello")
            (func (export "_start")
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
                {rest}))"#
    )
}

struct Place {
    dir: tempfile::TempDir,
    context: Arc<ExecutionContext>,
}

impl Place {
    fn new() -> Self {
        Self::reading(LocalStorage::default())
    }

    fn reading(local: LocalStorage) -> Self {
        let runtime = Runtime::new(&Options::default()).unwrap();
        Self { dir: tempfile::tempdir().unwrap(), context: Arc::new(ExecutionContext::new(runtime, sources(local))) }
    }

    fn runner(&self) -> Runner {
        self.runner_with_disk(u64::MAX)
    }

    fn runner_with_disk(&self, disk_bytes: u64) -> Runner {
        let sign: Sign = Arc::new(|receipt| receipt.unclaimed.notes.push("signed".into()));
        Runner::new(
            Executors::new(Arc::clone(&self.context)),
            Arc::clone(&self.context),
            self.dir.path().join("executions"),
            disk_bytes,
            sign,
        )
        .unwrap()
    }

    /// A job for the module in `text`, which lies in a file.
    fn job(&self, text: &str, inputs: &[(&str, &str)]) -> AnnouncedJob {
        let path = self.dir.path().join("module.wat");
        fs::write(&path, text).unwrap();
        let cid = self.context.runtime.load(text.as_bytes()).unwrap().cid();
        job(cid, path.to_str().unwrap(), inputs)
    }
}

fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path).display().to_string()
}

#[test]
fn two_executions_of_a_real_program_claim_the_same_to_the_byte() {
    let place = Place::new();
    let texts = place.dir.path().join("texts");
    fs::create_dir(&texts).unwrap();
    fs::write(texts.join("a.txt"), "one fish two fish\n").unwrap();
    let source = repository("wasm-examples/modules/word-count.wasm");
    let cid = Link::of_raw(&fs::read(&source).unwrap());
    let job = job(cid, &source, &[(texts.to_str().unwrap(), "/inputs")]);
    let runner = place.runner();
    let run = |number| runner.run(job.id.execution(0, number), &job).unwrap();
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| run(1));
        (first.join().unwrap(), run(2))
    });
    assert_eq!(first.receipt.claim.outcome, Outcome::Exit(0));
    assert_eq!(first.receipt.claim.to_dag_cbor(), second.receipt.claim.to_dag_cbor());
    let unclaimed = &first.receipt.unclaimed;
    assert!(unclaimed.started.is_some() && unclaimed.wall_ms.is_some());
    assert!(unclaimed.module_source.as_ref().unwrap().ends_with("word-count.wasm"));
    assert_eq!(unclaimed.input_sources["/inputs"], texts.display().to_string());
    assert_eq!(unclaimed.input_services["/inputs"][0].driver, "local");
    assert_eq!(unclaimed.notes, ["signed"]);
    let (bytes, ended) = runner.log(job.id.execution(0, 1), false, 0, 1 << 20).unwrap();
    assert!(ended && String::from_utf8(bytes).unwrap().contains("fish"));
}

#[test]
fn what_came_of_a_run_is_its_answer_after_a_crash_if_it_is_whole() {
    let place = Place::new();
    let job = place.job(&module(""), &[]);
    let execution = job.id.execution(0, 1);
    let first = place.runner().run(execution, &job).unwrap();
    let again = place.runner().run(execution, &job).unwrap();
    assert_eq!(again.receipt, first.receipt, "the time of the first run too");
    let runner = place.runner();
    let stdout = runner.results(execution).join("stdout");
    let kept = runner.results(execution).with_file_name(KEPT);
    for torn in [&stdout, &kept] {
        fs::write(torn, "torn").unwrap();
        let repaired = runner.run(execution, &job).unwrap();
        assert_eq!(repaired.receipt.claim, first.receipt.claim);
        assert_eq!(fs::read_to_string(&stdout).unwrap(), "hello");
    }
    runner.discard(execution).unwrap();
    runner.discard(execution).unwrap();
    assert!(!runner.results(execution).exists());
    assert_eq!(runner.log(execution, false, 0, 9), None);
}

#[test]
fn logs_are_read_while_it_runs_and_a_stopped_run_is_withdrawn() {
    let place = Place::new();
    let job = place.job(&module("(loop (br 0))"), &[]);
    let execution = job.id.execution(0, 1);
    let runner = place.runner();
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(execution, &job));
        let said = || runner.log(execution, false, 0, 99).is_some_and(|(bytes, _)| bytes == b"hello");
        // The job's time-out bounds this.
        while !said() && !run.is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(runner.log(execution, false, 4, 99), Some((b"o".to_vec(), false)));
        runner.stop(execution);
        run.join().unwrap()
    });
    assert_eq!(ended.unwrap_err().0, FailureKind::Withdrawn);
    assert!(!runner.results(execution).exists());
    let later = job.id.execution(0, 2);
    runner.stop(later);
    assert_eq!(runner.run(later, &job).unwrap_err().0, FailureKind::Withdrawn, "it is not begun");
}

#[test]
fn a_failure_is_the_hosts_or_everybodys() {
    let place = Place::new();
    let other = Link::of_raw(b"another module");
    let run = |job: &AnnouncedJob| place.runner().run(job.id.execution(0, 1), job).unwrap_err();
    // What stands in the job is the same for everybody; what lies at a path may be another thing elsewhere.
    let (kind, why) = run(&job(other, "data:,(module)", &[]));
    assert_eq!(kind, FailureKind::Refused);
    assert!(why.starts_with("the module ") && why.contains("the job needs"), "{why}");
    place.job(&module(""), &[]);
    let path = place.dir.path().join("module.wat");
    let (kind, why) = run(&job(other, path.to_str().unwrap(), &[]));
    assert_eq!(kind, FailureKind::Host);
    assert!(why.contains("the job needs"), "{why}");
    for (module, input) in
        [("ftp://host/x", "data:,x"), ("data:,(module)", "ftp://host/x"), ("data:,(module)", "ipfs://x")]
    {
        let cid = place.context.runtime.load(b"(module)").unwrap().cid();
        let (kind, why) = run(&job(cid, module, &[(input, "/a")]));
        assert_eq!(kind, FailureKind::Refused, "{why}");
    }
    let (kind, why) = run(&job(other, "data:,no%20module", &[]));
    assert_eq!(kind, FailureKind::Refused, "{why}");
    let (kind, why) = run(&place.job(&module(""), &[("/no/such/input", "/a")]));
    assert_eq!(kind, FailureKind::Host);
    assert!(why.contains("/no/such/input"), "{why}");
}

#[test]
fn an_execution_that_needs_more_disk_than_the_node_gives_fails_on_its_host() {
    let place = Place::new();
    let job = place.job(&module(""), &[]);
    let execution = job.id.execution(0, 1);
    let (kind, why) = place.runner_with_disk(4).run(execution, &job).unwrap_err();
    assert_eq!(kind, FailureKind::Host);
    assert!(why.contains("more than the 4 bytes of disk"), "{why}");
    place.runner_with_disk(5).run(execution, &job).expect("`hello` has five");
}

#[test]
fn a_strangers_job_reads_no_local_path_and_learns_nothing_of_any() {
    let place = Place::reading(LocalStorage::below(Vec::new()));
    let text = module("");
    let cid = place.context.runtime.load(text.as_bytes()).unwrap().cid();
    let inline = format!("data:,{}", text.replace('%', "%25"));
    let why = |module: &str, input: &str| {
        let job = job(cid, module, &[(input, "/a")]);
        let (kind, why) = place.runner().run(job.id.execution(0, 1), &job).unwrap_err();
        assert_eq!(kind, FailureKind::Host);
        why.replace(input, "PATH").replace(module, "MODULE")
    };
    // Before the module is known: one that is known is not read again, whatever the job says of where it is.
    assert_eq!(why("/etc/passwd", "data:,x"), why("/no/such/file", "data:,x"));
    assert_eq!(why(&inline, "/etc/passwd"), why(&inline, "/no/such/file"));
}
