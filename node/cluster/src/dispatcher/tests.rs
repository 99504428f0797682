//! A scripted cluster.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};

use bacalhau_tree::Control;

use super::*;
use crate::{ClusterJob, Phase};

const POLL: Duration = Duration::from_millis(10);

/// A cluster whose jobs the test changes.
#[derive(Debug, Default)]
struct Script {
    jobs: Mutex<Vec<ClusterJob>>,
    /// Answers to submissions; without one, the job is taken.
    answers: Mutex<VecDeque<Answer>>,
    down: Mutex<bool>,
    cancelled: Mutex<Vec<String>>,
}

/// An answer to a submission that is no id: after the job was taken, without that, and a rejection.
#[derive(Debug)]
enum Answer {
    Lost,
    Unreached,
    Rejected,
}

impl Script {
    fn set(&self, execution: ExecutionId, phase: &Phase) {
        for job in self.jobs.lock().unwrap().iter_mut().filter(|job| job.execution == execution) {
            job.phase = phase.clone();
        }
    }

    fn add(&self, execution: ExecutionId) -> String {
        let mut jobs = self.jobs.lock().unwrap();
        let id = (jobs.len() + 1).to_string();
        jobs.push(ClusterJob { id: id.clone(), execution, phase: Phase::Pending });
        id
    }

    fn count(&self) -> usize {
        self.jobs.lock().unwrap().len()
    }
}

impl Cluster for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    fn submit(&self, submission: &Submission) -> Result<String, SubmitError> {
        let failure = |why: &str| HostFailure::new(why);
        match self.answers.lock().unwrap().pop_front() {
            None => Ok(self.add(submission.execution)),
            Some(Answer::Lost) => {
                self.add(submission.execution);
                Err(SubmitError::Unanswered(failure("the answer was lost")))
            }
            Some(Answer::Unreached) => Err(SubmitError::Unanswered(failure("nobody is there"))),
            Some(Answer::Rejected) => Err(SubmitError::Rejected(failure("there is no such partition"))),
        }
    }

    fn list(&self) -> Result<Vec<ClusterJob>, HostFailure> {
        if *self.down.lock().unwrap() { Err(HostFailure::new("down")) } else { Ok(self.jobs.lock().unwrap().clone()) }
    }

    fn cancel(&self, jobs: &[String]) -> Result<(), HostFailure> {
        self.cancelled.lock().unwrap().extend_from_slice(jobs);
        self.jobs.lock().unwrap().retain(|job| !jobs.contains(&job.id));
        Ok(())
    }
}

struct Scene {
    dir: tempfile::TempDir,
    script: Arc<Script>,
    dispatcher: Dispatcher,
}

fn execution(number: u16) -> ExecutionId {
    format!("{}:0:{number}", "a".repeat(32)).parse().unwrap()
}

impl Scene {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::after(Script { answers: Mutex::new(answers.into_iter().collect()), ..Script::default() }, [].into())
    }

    /// A node that starts when the cluster is as `script` says.
    fn after(script: Script, needed: BTreeSet<ExecutionId>) -> Self {
        let (dir, script) = (tempfile::tempdir().unwrap(), Arc::new(script));
        for number in [1, 9] {
            Place::of(dir.path(), execution(number)).create().unwrap();
        }
        let dispatcher = Dispatcher::start(Arc::clone(&script) as _, dir.path().into(), POLL, needed).unwrap();
        Self { dir, script, dispatcher }
    }

    /// Runs an execution in the background.
    fn run(&self, number: u16, resumed: bool, control: &Control) -> Receiver<Result<(), String>> {
        let place = self.dispatcher.place(execution(number));
        place.create().unwrap();
        let submission = Submission {
            execution: execution(number),
            dir: place.path().into(),
            cpu_millis: 1000,
            memory_bytes: 1,
            disk_bytes: 1,
            timeout: Duration::from_mins(1),
        };
        let (dispatcher, deadline) = (self.dispatcher.clone(), Deadline::under(control, Duration::from_mins(2)));
        let (send, ended): (Sender<Result<(), String>>, _) = channel();
        thread::spawn(move || {
            let ran = dispatcher.run(&submission, resumed, &deadline, || ());
            send.send(ran.map_err(|failure| failure.to_string()))
        });
        ended
    }

    fn report(&self, number: u16) {
        fs::create_dir(Place::of(self.dir.path(), execution(number)).done()).unwrap();
    }

    fn count(&self, event: &str) -> u64 {
        self.dispatcher.counters().into_iter().find(|(name, _)| name == event).unwrap().1
    }
}

/// Waits until `done` returns true.
fn until(done: impl Fn() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_mins(2), "not in time");
        thread::park_timeout(POLL);
    }
}

fn end(ended: &Receiver<Result<(), String>>) -> Result<(), String> {
    ended.recv_timeout(Duration::from_mins(2)).unwrap()
}

#[test]
fn an_execution_ends_with_its_report_or_with_its_job() {
    let scene = Scene::new([]);
    let control = Control::default();
    let reports = scene.run(2, false, &control);
    until(|| scene.script.count() == 1);
    let fails = scene.run(3, false, &control);
    until(|| scene.script.count() == 2);
    scene.script.set(execution(2), &Phase::Running);
    until(|| scene.dispatcher.phases() == [("pending".into(), 1), ("running".into(), 1)]);
    scene.report(2);
    assert_eq!(end(&reports), Ok(()));
    scene.script.set(execution(3), &Phase::Failed("TIMEOUT".into()));
    let why = end(&fails).unwrap_err();
    assert!(why.starts_with("script: its job 2 has failed: TIMEOUT"), "{why}");
    assert_eq!(*scene.script.cancelled.lock().unwrap(), ["2"], "the job of a report has ended by itself");
    assert_eq!(["submitted", "reported", "lost"].map(|event| scene.count(event)), [2, 1, 1]);
}

#[test]
fn an_answer_that_is_lost_makes_no_second_job_and_one_that_never_came_is_asked_for_again() {
    for (answers, unanswered) in
        [(vec![Answer::Lost], 1), (vec![Answer::Unreached, Answer::Unreached, Answer::Lost], 3)]
    {
        let scene = Scene::new(answers);
        let ended = scene.run(2, false, &Control::default());
        until(|| scene.script.count() == 1);
        scene.report(2);
        assert_eq!((end(&ended), scene.script.count(), scene.count("unanswered")), (Ok(()), 1, unanswered));
    }
    let scene = Scene::new([Answer::Rejected]);
    assert_eq!(end(&scene.run(2, false, &Control::default())), Err("there is no such partition".into()));
}

#[test]
fn a_cancelled_execution_ends_its_job() {
    let scene = Scene::new([]);
    let control = Control::default();
    let ended = scene.run(2, false, &control);
    until(|| scene.script.count() == 1);
    control.cancel();
    assert!(end(&ended).unwrap_err().contains("cancelled"));
    until(|| *scene.script.cancelled.lock().unwrap() == ["1"]);
}

#[test]
fn after_a_restart_jobs_are_found_again_and_others_are_ended() {
    let script = Script::default();
    for number in [1, 7] {
        script.add(execution(number));
    }
    let scene = Scene::after(script, [execution(1)].into());
    until(|| *scene.script.cancelled.lock().unwrap() == ["2"]);
    assert!(scene.dispatcher.place(execution(1)).path().exists());
    until(|| !scene.dispatcher.place(execution(9)).path().exists());
    let ended = scene.run(1, true, &Control::default());
    until(|| scene.count("resumed") == 1);
    scene.report(1);
    assert_eq!((end(&ended), scene.count("submitted")), (Ok(()), 0));
}

#[test]
fn an_execution_that_is_not_taken_up_again_is_forgotten_with_its_job() {
    let script = Script::default();
    script.add(execution(1));
    let scene = Scene::after(script, [execution(1)].into());
    until(|| scene.dispatcher.check().is_ok());
    assert_eq!(scene.script.count(), 1, "it is spared");
    scene.dispatcher.forget(execution(1));
    until(|| *scene.script.cancelled.lock().unwrap() == ["1"]);
    assert!(!scene.dispatcher.place(execution(1)).path().exists());
}

#[test]
fn a_silent_cluster_is_told_of_before_it_has_answered_and_costs_no_execution() {
    let scene = Scene::after(Script { down: Mutex::new(true), ..Script::default() }, [].into());
    until(|| scene.dispatcher.check().is_err_and(|failure| failure.to_string() == "script does not answer: down"));
    *scene.script.down.lock().unwrap() = false;
    until(|| scene.dispatcher.check().is_ok());
    let ended = scene.run(2, false, &Control::default());
    until(|| scene.script.count() == 1);
    *scene.script.down.lock().unwrap() = true;
    let before = scene.count("unanswered");
    until(|| scene.count("unanswered") > before + 2);
    scene.dispatcher.check().unwrap();
    scene.report(2);
    assert_eq!(end(&ended), Ok(()), "a report is seen all the same");
}
