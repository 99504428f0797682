//! Workers in threads of the test, with the real runtime.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use bacalhau_cluster::{Cluster, ClusterJob, Phase, SubmitError};
use bacalhau_job::{AnnouncedJob, FailureKind};
use bacalhau_runtime::{Options, Runtime};
use bacalhau_storage::LocalStorage;

use super::*;
use crate::policy::tests::{job, sources};
use crate::{Executors, Ran, Runner, Sign};

/// What happens to a directory of an execution after its worker has ended.
type Meddle = fn(&Path);

/// A cluster that runs each job at once.
#[derive(Debug)]
struct Threads {
    jobs: Arc<Mutex<Vec<ClusterJob>>>,
    meddle: Meddle,
}

impl Cluster for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn submit(&self, submission: &Submission) -> Result<String, SubmitError> {
        let id = submission.execution.to_string();
        let job = ClusterJob { id: id.clone(), execution: submission.execution, phase: Phase::Running };
        self.jobs.lock().unwrap().push(job);
        let (jobs, meddle, dir, ended) = (Arc::clone(&self.jobs), self.meddle, submission.dir.clone(), id.clone());
        thread::spawn(move || {
            // The front node sees the directory when the worker, and who meddles, are done.
            let real = dir.with_extension("worker");
            copy_dir(&dir, &real);
            execute(&real, "w1", |settings, _| {
                assert_eq!(settings.module_bytes, 1 << 20);
                Ok(ExecutionContext::new(Runtime::new(&Options::default())?, sources(LocalStorage::default())))
            })
            .unwrap();
            meddle(&real);
            fs::rename(real.join("done"), dir.join("done")).unwrap();
            jobs.lock().unwrap().iter_mut().filter(|job| job.id == ended).for_each(|job| job.phase = Phase::Ended);
        });
        Ok(id)
    }

    fn list(&self) -> Result<Vec<ClusterJob>, HostFailure> {
        Ok(self.jobs.lock().unwrap().clone())
    }

    fn cancel(&self, _: &[String]) -> Result<(), HostFailure> {
        Ok(())
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
        } else if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

struct Scene {
    dir: tempfile::TempDir,
    context: Arc<ExecutionContext>,
}

impl Scene {
    fn new() -> Self {
        let runtime = Runtime::new(&Options::default()).unwrap();
        let context = Arc::new(ExecutionContext::new(runtime, sources(LocalStorage::default())));
        Self { dir: tempfile::tempdir().unwrap(), context }
    }

    fn runner(&self, executors: Executors, name: &str) -> Runner {
        let sign: Sign = Arc::new(|receipt| receipt.unclaimed.notes.push("signed".into()));
        Runner::new(executors, Arc::clone(&self.context), self.dir.path().join(name), u64::MAX, sign).unwrap()
    }

    /// A runner that dispatches. Inputs are copied, unless they are paths.
    fn front(&self, name: &str, meddle: Meddle) -> Runner {
        let cluster = Arc::new(Threads { jobs: Arc::default(), meddle });
        let shared = self.dir.path().join("shared").join(name);
        let poll = Duration::from_millis(20);
        let config = DispatchConfig {
            dispatcher: Dispatcher::start(cluster, shared, poll, [].into()).unwrap(),
            direct: sources(LocalStorage::below(Vec::new())),
            settings: WorkerSettings { module_bytes: 1 << 20, ..WorkerSettings::default() },
            overhead_bytes: 0,
        };
        self.runner(Executors::dispatched(Arc::clone(&self.context), config), name)
    }

    fn job(inputs: &[(&str, &str)]) -> AnnouncedJob {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wasm-examples/modules/merkle-root.wasm");
        let module = bacalhau_tree::Link::of_raw(&fs::read(&path).unwrap());
        job(module, path.to_str().unwrap(), inputs)
    }

    fn tree(&self) -> String {
        let tree = self.dir.path().join("tree");
        fs::create_dir_all(tree.join("sub")).unwrap();
        fs::write(tree.join("a"), "a\n").unwrap();
        fs::write(tree.join("sub/b"), "b\n").unwrap();
        std::os::unix::fs::symlink("sub/b", tree.join("link")).unwrap();
        tree.to_str().unwrap().to_owned()
    }
}

fn run(runner: &Runner, job: &AnnouncedJob) -> Result<Box<Ran>, (FailureKind, String)> {
    runner.run(job.id.execution(0, 1), job)
}

#[test]
fn a_worker_claims_what_this_node_would_and_leaves_nothing_in_the_shared_directory() {
    let scene = Scene::new();
    let tree = scene.tree();
    let job = Scene::job(&[(&tree, "/inputs"), ("data:,hello", "/inline")]);
    let here = run(&scene.runner(Executors::new(Arc::clone(&scene.context)), "here"), &job).unwrap();
    let front = scene.front("front", |_| ());
    let there = run(&front, &job).unwrap();
    assert_eq!((&here.receipt.claim, here.calls), (&there.receipt.claim, there.calls));
    assert_eq!(here.receipt.unclaimed.input_sources, there.receipt.unclaimed.input_sources);
    assert_eq!(here.receipt.unclaimed.module_source, there.receipt.unclaimed.module_source);
    assert_eq!(there.receipt.unclaimed.input_services["/inputs"][0].driver, "local");
    assert_eq!(there.receipt.unclaimed.notes, ["signed"]);
    let left = fs::read_dir(scene.dir.path().join("shared/front")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| name.ends_with(".worker")), "{left:?}");
}

/// Changes the report of a worker.
fn rewrite(path: &Path, change: fn(&mut report::Ran)) {
    let mut report = report::Report::read(&path.join("done")).unwrap();
    let report::End::Ran(ran) = &mut report.end else { panic!("{report:?}") };
    change(ran);
    report.write(&path.join("done")).unwrap();
}

#[test]
fn what_is_not_the_result_of_the_job_is_a_failure_of_the_host() {
    let scene = Scene::new();
    let tree = scene.tree();
    let job = Scene::job(&[(&tree, "/inputs")]);
    let table: [(&str, Meddle); 9] = [
        ("but its results have h1:", |dir| fs::write(dir.join("done/results/stdout"), "forged").unwrap()),
        ("but its results have h1:", |dir| fs::write(dir.join("done/results/more"), "").unwrap()),
        ("other than files and directories", |dir| {
            std::os::unix::fs::symlink("/etc/passwd", dir.join("done/results/link")).unwrap();
        }),
        ("cannot take the results", |dir| fs::remove_dir_all(dir.join("done/results")).unwrap()),
        ("is for another job", |dir| rewrite(dir, |ran| ran.receipt.claim.job.args.push("x".into()))),
        ("is for another job", |dir| rewrite(dir, |ran| ran.receipt.claim.job.inputs.clear())),
        ("has a wrong CID of its job", |dir| {
            rewrite(dir, |ran| ran.receipt.claim.job_cid = bacalhau_tree::Link::of_raw(b""));
        }),
        ("lists other files", |dir| rewrite(dir, |ran| ran.receipt.claim.files.clear())),
        ("report.cbor", |dir| fs::write(dir.join("done/report.cbor"), "x").unwrap()),
    ];
    for (number, (wanted, meddle)) in table.into_iter().enumerate() {
        let front = scene.front(&number.to_string(), meddle);
        let (kind, why) = run(&front, &job).unwrap_err();
        assert!(kind == FailureKind::Host && why.contains(wanted), "{wanted}: {kind:?}: {why}");
        assert!(!front.results(job.id.execution(0, 1)).exists(), "{wanted}");
    }
}

#[test]
fn an_order_is_bounded_and_of_one_version() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::at(dir.path().into());
    fs::File::create(place.order()).unwrap().set_len((16 << 20) + 1).unwrap();
    assert!(Order::read(&place).unwrap_err().to_string().contains("not a file of at most 16777216 bytes"));
    let order = Order {
        version: order::VERSION + 1,
        execution: Scene::job(&[]).id.execution(0, 1),
        job: Scene::job(&[]),
        copies: [].into(),
        module_source: String::new(),
        disk_bytes: 1,
        settings: WorkerSettings::default(),
    };
    order.write(&place).unwrap();
    assert!(Order::read(&place).unwrap_err().to_string().contains("install the version of the front node"));
}
