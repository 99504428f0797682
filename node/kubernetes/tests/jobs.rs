//! Executions as jobs, against a strict fake of the API of Kubernetes. The test is the kubelet and the worker.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use bacalhau_cluster::{Cluster as _, Dispatcher, Phase, Submission};
use bacalhau_job::ExecutionId;
use bacalhau_kubernetes::{Kubernetes, KubernetesConfig, Volume, WorkerPod};
use bacalhau_testkit::kubernetes::{FakeKubernetes, Fault, NAMESPACE};
use bacalhau_testkit::{BOUND, until};
use bacalhau_tree::{Control, Deadline};
use serde_json::{Value, json};

/// Longer than a test waits for anything that a watch tells.
const POLL: Duration = Duration::from_secs(5);

struct Scene {
    _dir: tempfile::TempDir,
    api: FakeKubernetes,
    cluster: Arc<Kubernetes>,
    dispatcher: Dispatcher,
}

fn execution(number: u16) -> ExecutionId {
    format!("{}:0:{number}", "a".repeat(32)).parse().unwrap()
}

/// The name of the job of an execution.
fn name(number: u16) -> String {
    format!("bacalhau-{}-0-{number}", "a".repeat(32))
}

impl Scene {
    fn new() -> Self {
        Self::with(FakeKubernetes::start(), BTreeSet::new())
    }

    fn with(api: FakeKubernetes, needed: BTreeSet<ExecutionId>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let kubeconfig = dir.path().join("kubeconfig");
        api.write_kubeconfig(&kubeconfig);
        let volume = |claim: &str, path: &str| Volume { claim: claim.into(), path: path.into() };
        let kubernetes = Kubernetes::connect(KubernetesConfig {
            kubeconfig: Some(kubeconfig),
            namespace: None,
            node: "Node16Characters".into(),
            pod: WorkerPod {
                image: "bacalhau:1".into(),
                program: None,
                shared: volume("shared", "/shared"),
                data: vec![volume("data", "/data")],
                service_account: Some("worker".into()),
                retries: 2,
                user: (1000, 1001),
            },
        });
        let cluster = Arc::new(kubernetes.unwrap());
        let dispatcher =
            Dispatcher::start(Arc::clone(&cluster) as _, dir.path().join("executions"), POLL, needed).unwrap();
        Self { _dir: dir, api, cluster, dispatcher }
    }

    fn submission(&self, number: u16) -> Submission {
        let place = self.dispatcher.place(execution(number));
        place.create().unwrap();
        Submission {
            execution: execution(number),
            dir: place.path().into(),
            cpu_millis: 1500,
            memory_bytes: 64 << 20,
            disk_bytes: 1,
            timeout: Duration::from_mins(1),
        }
    }

    fn run(&self, number: u16, resumed: bool, control: &Control) -> Receiver<Result<(), String>> {
        let submission = self.submission(number);
        let (dispatcher, deadline) = (self.dispatcher.clone(), Deadline::under(control, Duration::from_mins(10)));
        let (send, ended) = channel();
        thread::spawn(move || {
            let ran = dispatcher.run(&submission, resumed, &deadline, || ());
            send.send(ran.map_err(|failure| failure.to_string()))
        });
        ended
    }

    /// Begins one execution, and waits until its job is there.
    fn begin(&self, number: u16) -> Receiver<Result<(), String>> {
        let ended = self.run(number, false, &Control::default());
        until("the job", || self.api.jobs().contains_key(&name(number)));
        ended
    }

    /// The worker has reported, and its job is complete.
    fn complete(&self, number: u16) {
        fs::create_dir(self.dispatcher.place(execution(number)).done()).unwrap();
        self.api.set_pod(&name(number), json!({"phase": "Succeeded"}));
        self.api.end_job(&name(number), "Complete", "CompletionsReached", "Reached expected number of succeeded pods");
    }

    fn count(&self, event: &str) -> u64 {
        self.dispatcher.counters().into_iter().find(|(name, _)| name == event).unwrap().1
    }

    fn assert_strict(&self) {
        assert_eq!(self.api.violations(), [""; 0]);
    }
}

fn end(ended: &Receiver<Result<(), String>>) -> Result<(), String> {
    ended.recv_timeout(BOUND).unwrap()
}

#[test]
fn an_execution_is_a_job_with_its_limits_and_without_privileges() {
    let scene = Scene::new();
    let ended = scene.begin(1);
    let job = scene.api.jobs()[&name(1)].clone();
    let (spec, pod) = (&job["spec"], &job["spec"]["template"]["spec"]);
    let container = &pod["containers"][0];
    let dir = scene.dispatcher.place(execution(1)).path().to_str().unwrap().to_owned();
    assert_eq!(container["args"], json!(["execute", "--worker", "$(NODE_NAME)", dir]));
    let amounts = json!({"cpu": "1500m", "memory": (64 << 20).to_string()});
    assert_eq!((&container["resources"]["limits"], &container["resources"]["requests"]), (&amounts, &amounts));
    assert_eq!((&spec["backoffLimit"], &spec["activeDeadlineSeconds"]), (&json!(2), &json!(180)));
    assert_eq!(job["metadata"]["annotations"]["bacalhau.org/execution"], execution(1).to_string());
    assert_eq!((&pod["automountServiceAccountToken"], &pod["serviceAccountName"]), (&json!(false), &json!("worker")));
    let security = &container["securityContext"];
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
    assert_eq!(
        (&security["allowPrivilegeEscalation"], &security["readOnlyRootFilesystem"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        pod["securityContext"],
        json!({"runAsUser": 1000, "runAsGroup": 1001, "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})
    );
    let mounts: Vec<(&str, bool)> = container["volumeMounts"].as_array().unwrap().iter().map(mounted).collect();
    assert_eq!(mounts, [("/tmp", false), ("/shared", false), ("/data", true)]);
    scene.api.set_pod(&name(1), json!({"phase": "Running"}));
    scene.complete(1);
    assert_eq!(end(&ended), Ok(()));
    assert_eq!((scene.api.counts().0, scene.api.deleted()), (1, Vec::<String>::new()), "its end is left to Kubernetes");
    scene.assert_strict();
}

fn mounted(mount: &Value) -> (&str, bool) {
    (mount["mountPath"].as_str().unwrap(), mount["readOnly"].as_bool().unwrap())
}

#[test]
fn a_rejected_creation_is_told_at_once_and_is_not_repeated() {
    for (code, reason) in [(403, "Forbidden"), (422, "Invalid")] {
        let scene = Scene::new();
        scene.api.fault(Fault::Create(code, reason));
        let why = end(&scene.run(1, false, &Control::default())).unwrap_err();
        assert!(why.contains(&format!("cannot create the job {}: jobs.batch is ", name(1))), "{why}");
        assert!(why.contains(&format!("(status {code})")), "{why}");
        assert_eq!(scene.api.counts().0, 0);
        scene.assert_strict();
    }
}

#[test]
fn a_job_that_exists_is_the_own_one_or_another_nodes() {
    let scene = Scene::new();
    scene.api.fault(Fault::LoseCreation);
    let ended = scene.begin(1);
    scene.complete(1);
    assert_eq!((end(&ended), scene.api.counts().0), (Ok(()), 1), "it was not created twice");
    // As in the moment before a listing shows it.
    for _ in 0..2 {
        assert_eq!(scene.cluster.submit(&scene.submission(2)).unwrap(), name(2));
    }
    let mut other = scene.api.jobs()[&name(1)].clone();
    (other["metadata"]["name"], other["metadata"]["labels"]["bacalhau.org/node"]) = (json!(name(3)), json!("Another"));
    scene.api.put_job(other);
    let why = end(&scene.run(3, false, &Control::default())).unwrap_err();
    assert!(why.contains("exists and is not of this node"), "{why}");
    assert!(scene.api.jobs().contains_key(&name(3)), "it is not touched");
    scene.assert_strict();
}

#[test]
fn a_worker_without_memory_and_one_that_was_evicted_too_often_are_failures_with_their_reason() {
    let killed = json!({"phase": "Failed", "containerStatuses": [
        {"name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
         "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
    ]});
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."});
    for (pod, reason, wanted) in [
        (killed, "PodFailurePolicy", "OOMKilled (exit code 137)"),
        (evicted, "BackoffLimitExceeded", "its pod: Evicted (The node was low on resource: memory.)"),
    ] {
        let scene = Scene::new();
        let ended = scene.begin(1);
        scene.api.set_pod(&name(1), pod);
        scene.api.end_job(&name(1), "Failed", reason, "by the test");
        let why = end(&ended).unwrap_err();
        assert!(why.starts_with("kubernetes: its job") && why.contains(reason) && why.contains(wanted), "{why}");
        scene.assert_strict();
    }
}

#[test]
fn a_worker_that_cannot_be_started_is_listed_with_its_reason() {
    let waiting = |reason: &str| {
        json!({"phase": "Pending", "containerStatuses": [
            {"name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
             "state": {"waiting": {"reason": reason, "message": "Back-off pulling image \"bacalhau:1\""}}},
        ]})
    };
    let scene = Scene::new();
    let _ended = scene.begin(1);
    for (pod, wanted) in [
        (waiting("ContainerCreating"), Phase::Pending),
        (waiting("ImagePullBackOff"), Phase::Stuck("ImagePullBackOff: Back-off pulling image \"bacalhau:1\"".into())),
        (json!({"phase": "Running"}), Phase::Running),
    ] {
        scene.api.set_pod(&name(1), pod);
        let phases: Vec<Phase> = scene.cluster.list().unwrap().into_iter().map(|job| job.phase).collect();
        assert_eq!(phases, [wanted]);
    }
    scene.assert_strict();
}

#[test]
fn a_listing_without_an_end_is_an_error_and_no_execution_is_lost_by_it() {
    let scene = Scene::new();
    let ended = scene.begin(1);
    scene.api.fault(Fault::EndlessListing);
    let why = scene.cluster.list().unwrap_err().to_string();
    assert!(why.contains("cannot list jobs and pods: more than 50000 objects"), "{why}");
    until("the silence", || scene.count("unanswered") > 0);
    assert!(ended.try_recv().is_err(), "it waits");
    scene.assert_strict();
}

#[test]
fn an_eviction_that_kubernetes_repeats_is_no_failure() {
    let scene = Scene::new();
    let ended = scene.begin(1);
    scene.api.set_pod(&name(1), json!({"phase": "Failed", "reason": "Evicted"}));
    scene.api.add_pod(&name(1));
    scene.api.set_pod(&name(1), json!({"phase": "Running"}));
    until("the second attempt", || scene.dispatcher.phases()[1].1 == 1);
    scene.complete(1);
    assert_eq!(end(&ended), Ok(()));
    scene.assert_strict();
}

#[test]
fn a_job_that_was_deleted_by_hand_is_a_failure() {
    let scene = Scene::new();
    let ended = scene.begin(1);
    until("its listing", || scene.api.counts().1 > 0);
    scene.api.delete_job(&name(1));
    let why = end(&ended).unwrap_err();
    assert!(why.contains("was removed from the cluster, and there is no report"), "{why}");
    scene.assert_strict();
}

#[test]
fn a_watch_that_breaks_off_or_is_too_old_is_begun_again() {
    for fault in [Fault::BreakWatch, Fault::Gone] {
        let scene = Scene::new();
        scene.api.fault(fault);
        let first = scene.begin(1);
        let begun = Instant::now();
        scene.complete(1);
        assert_eq!(end(&first), Ok(()));
        let second = scene.begin(2);
        let watches = scene.api.counts().1;
        scene.complete(2);
        assert_eq!(end(&second), Ok(()));
        until("another watch", || scene.api.counts().1 > watches);
        assert!(begun.elapsed() < BOUND);
        scene.assert_strict();
    }
}

#[test]
fn an_api_that_is_away_for_a_while_costs_no_execution() {
    let scene = Scene::new();
    let first = scene.begin(1);
    scene.api.set_down(true);
    until("the silence", || scene.count("unanswered") > 0);
    let second = scene.run(2, false, &Control::default());
    let before = scene.count("unanswered");
    until("a creation without an answer", || scene.count("unanswered") > before + 1);
    assert!(first.try_recv().is_err() && second.try_recv().is_err(), "both wait");
    scene.api.set_down(false);
    until("the second job", || scene.api.jobs().contains_key(&name(2)));
    scene.complete(1);
    scene.complete(2);
    assert_eq!((end(&first), end(&second), scene.api.counts().0), (Ok(()), Ok(()), 2));
    scene.assert_strict();
}

#[test]
fn jobs_are_deleted_when_they_are_cancelled_and_found_again_after_a_restart() {
    let scene = Scene::new();
    let control = Control::default();
    let ended = scene.run(1, false, &control);
    until("the job", || scene.api.jobs().contains_key(&name(1)));
    control.cancel();
    assert!(end(&ended).is_err());
    assert_eq!(scene.api.deleted(), [name(1)]);
    // Three of them are more than one page of the fake.
    for number in 2..=4 {
        drop(scene.begin(number));
    }
    // The first one goes on, since it has no process of its own, and does not matter.
    let first = scene;
    let scene = Scene::with(first.api.clone(), [execution(2), execution(4)].into());
    until("the orphan's end", || scene.api.deleted().contains(&name(3)));
    let found = [2, 4].map(|number| scene.run(number, true, &Control::default()));
    until("both to be found again", || scene.count("resumed") == 2);
    scene.complete(2);
    scene.complete(4);
    for ended in &found {
        assert_eq!(end(ended), Ok(()));
    }
    assert_eq!(scene.count("submitted"), 0);
    scene.assert_strict();
}

#[test]
fn a_client_without_a_configuration_says_which_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume { claim: "shared".into(), path: dir.path().into() };
    let pod = WorkerPod {
        image: String::new(),
        program: None,
        shared: volume,
        data: Vec::new(),
        service_account: None,
        retries: 0,
        user: (0, 0),
    };
    let kubeconfig = Some(dir.path().join("none"));
    let config = KubernetesConfig { kubeconfig, namespace: Some(NAMESPACE.into()), node: "a".into(), pod };
    let why = Kubernetes::connect(config).unwrap_err().to_string();
    assert!(why.contains("cannot connect to Kubernetes") && why.contains("kubernetes.kubeconfig"), "{why}");
}
