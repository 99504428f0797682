//! A node in front of Kubernetes, with real workers. The API is the strict fake of the testkit; a thread of the test is the
//! kubelet, and runs the containers of pods as processes of this machine.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bacalhau_job::JobState;
use bacalhau_testkit::kubernetes::FakeKubernetes;
use bacalhau_testkit::{Lab, command::binary, watch::Watch};
use serde_json::{Value, json};

/// Hashes of all files below `/inputs`.
const MERKLE_ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wasm-examples/modules/merkle-root.wasm");

/// Runs pods until it is dropped. Of the first job, the first pod is evicted.
struct Kubelet {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Kubelet {
    fn begin(api: FakeKubernetes) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            let mut pods: BTreeMap<String, Option<Child>> = BTreeMap::new();
            while !stopped.load(Ordering::SeqCst) {
                for (name, job) in api.jobs() {
                    let first = pods.is_empty();
                    let child = pods.entry(name.clone()).or_insert_with(|| {
                        if first {
                            api.set_pod(&name, json!({"phase": "Failed", "reason": "Evicted"}));
                            api.add_pod(&name);
                        }
                        api.set_pod(&name, json!({"phase": "Running"}));
                        Some(container(&job))
                    });
                    let Some(status) = child.as_mut().and_then(|child| child.try_wait().unwrap()) else { continue };
                    *child = None;
                    let phase = if status.success() { "Succeeded" } else { "Failed" };
                    api.set_pod(&name, json!({"phase": phase}));
                    let condition = if status.success() { "Complete" } else { "Failed" };
                    api.end_job(&name, condition, "Test", &status.to_string());
                }
                thread::park_timeout(Duration::from_millis(50));
            }
        };
        Self { stop, thread: Some(thread::spawn(run)) }
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The container of a job as a process.
fn container(job: &Value) -> Child {
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let args = container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
    let args = args.map(|arg| arg.replace("$(NODE_NAME)", "machine-1"));
    Command::new(binary()).args(args).env_clear().stdin(Stdio::null()).spawn().unwrap()
}

#[test]
fn executions_are_jobs_of_kubernetes_and_claim_what_one_machine_does() {
    let lab = Lab::new();
    lab.write("in/a.txt", "a\n");
    lab.write("in/sub/b.txt", "b\n");
    let api = FakeKubernetes::start();
    api.write_kubeconfig(&lab.path("kubeconfig"));
    let at = |name: &str| lab.path(name).display().to_string();
    let flags = format!(
        "--dispatcher kubernetes --kubernetes-kubeconfig {} --kubernetes-image bacalhau:1 --kubernetes-shared claim={} \
         --cluster-dir {} --cluster-poll 1s --limit-total-cpu 4 --limit-total-memory 8GiB \
         --job-selection-data-locality anywhere",
        at("kubeconfig"),
        at("shared"),
        at("shared/bacalhau")
    );
    let alone = lab.serve("alone", "");
    let front = lab.serve("front", &flags);
    let _kubelet = Kubelet::begin(api.clone());
    let claim = |node: &bacalhau_testkit::Node, seed: u32| {
        let line = format!("{MERKLE_ROOT} -c 1 --verifier noop -i in:/inputs --seed {seed}");
        let ended = Watch::begin(node, &lab.submit(node, &line)).end(node);
        ended.assert_state(JobState::Completed);
        ended.record.shards[0].executions[0].receipt.clone().unwrap().claim
    };
    for seed in 0..3 {
        assert_eq!(claim(&front, seed), claim(&alone, seed));
    }
    assert!(front.log().contains("worker=\"machine-1\""), "{}", front.log());
    assert_eq!((api.counts().0, api.violations()), (3, Vec::new()));
    lab.write("no-start.wat", "(module (memory (export \"memory\") 1))");
    let end = lab.run(&format!("wasm run no-start.wat -c 1 --verifier noop --api-host {}", front.api));
    assert!(end.stderr.contains("_start"), "{}", end.stderr);
}
