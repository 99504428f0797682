//! Entries on disk, and how they are driven.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Instant;

use bacalhau_receipt::Publication;
use libp2p_identity::PeerId;

use super::driver::{LOOK, MOST_FAILURES};
use super::entry::{FIRST_STEPS, MAX_STEPS, MAX_TEXT_BYTES};
use super::*;
use crate::Pin;
use bacalhau_job::JobId;
use bacalhau_testkit::jobs as samples;

/// Longest wait for what is to happen.
const SOON: Duration = Duration::from_secs(20);

fn job() -> JobId {
    samples::job(PeerId::random(), "ledger").id
}

fn entry(execution: ExecutionId) -> Entry {
    Entry::new(
        execution,
        PeerId::random(),
        "h1:x",
        Publication::default(),
        PublisherState::Estuary(Pin::new(bacalhau_tree::Link::of_raw(b"results"), 0)),
    )
}

fn ledger(dir: &tempfile::TempDir) -> Ledger {
    Ledger::open(dir.path().join("publications")).unwrap()
}

/// Waits until `is` is so.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < SOON, "{what}");
        thread::yield_now();
    }
}

/// A task that does what the test says, given how often an entry was taken further.
struct Scripted<F>(F, Mutex<Vec<(String, u64)>>);

impl<F> Scripted<F> {
    fn new(script: F) -> Arc<Self> {
        Arc::new(Self(script, Mutex::default()))
    }

    /// How often it was called, for any entry.
    fn calls(&self) -> usize {
        self.1.lock().unwrap().len()
    }
}

impl<F> std::fmt::Debug for Scripted<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl<F: Fn(&mut Entry, usize) -> Result<Next, StepError> + Send + Sync> PublicationTask for Scripted<F> {
    fn advance(&self, entry: &mut Entry, now_ms: u64) -> Result<Next, StepError> {
        let mut calls = self.1.lock().unwrap();
        let before = calls.iter().filter(|(name, _)| *name == entry.name()).count();
        calls.push((entry.name(), now_ms));
        drop(calls);
        (self.0)(entry, before)
    }
}

fn by(task: Arc<dyn PublicationTask>) -> PublicationTasks {
    PublicationTasks { estuary: Some(task), ..PublicationTasks::default() }
}

fn texts(entry: &Entry) -> Vec<String> {
    entry.publication.steps.iter().map(|step| format!("{} {}", step.state, step.text)).collect()
}

#[test]
fn who_begins_twice_has_begun_once() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (ledger(&dir), ledger(&dir));
    let execution = job().execution(0, 1);
    let first = one.begin(entry(execution)).unwrap();
    assert_eq!(other.begin(entry(execution)).unwrap(), first, "what stands is the first");
    let mut later = first.clone();
    (later.ended, later.next_ms) = (true, 7);
    one.put(&later).unwrap();
    assert_eq!(other.begin(entry(execution)).unwrap(), later, "what has ended is not begun anew");
    let execution = job().execution(0, 2);
    let begun: Vec<Entry> = thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| ledger(&dir).begin(entry(execution)).unwrap())).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(begun.iter().all(|one| *one == begun[0]), "of several at once, one has begun");
    assert_eq!(one.of(execution), begun[..1]);
}

#[test]
fn an_entry_is_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let first = ledger.begin(entry(job().execution(0, 1))).unwrap();
    let others = Ledger::open(dir.path().join("publications")).unwrap();
    let stop = AtomicUsize::new(0);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut read = 0;
            while stop.load(Ordering::SeqCst) == 0 {
                let found = others.get(&first.name()).unwrap().expect("it is never gone");
                assert_eq!(found.publication.places.len() % 100, 0, "one of those that were put");
                read += 1;
            }
            read
        });
        for number in 0..50 {
            let mut entry = first.clone();
            entry.publication.places = vec![format!("place {number}"); 100 * number];
            ledger.put(&entry).unwrap();
        }
        stop.store(1, Ordering::SeqCst);
        assert!(reader.join().unwrap() > 0);
    });
    let left: Vec<_> = fs::read_dir(dir.path().join("publications")).unwrap().collect();
    assert_eq!(left.len(), 2, "the entry and where ended ones are: {left:?}");
}

#[test]
fn what_cannot_be_written_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let first = ledger.begin(entry(job().execution(0, 1))).unwrap();
    // A directory stands where the ended entry would go, and it is not empty.
    fs::create_dir_all(ledger.ended_path(&first.name()).join("x")).unwrap();
    let mut ended = first.clone();
    ended.ended = true;
    let error = ledger.put(&ended).unwrap_err().to_string();
    assert!(error.contains("estuary-"), "{error}");
    assert_eq!(ledger.get(&first.name()).unwrap(), Some(first));
}

#[test]
fn a_damaged_file_is_named_and_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let job = job();
    let names: Vec<String> =
        (1..=3).map(|number| ledger.begin(entry(job.execution(0, number))).unwrap().name()).collect();
    fs::write(ledger.path(&names[1]), "{\"execution\": ").unwrap();
    let listing = ledger.entries().unwrap();
    assert_eq!(listing.entries.len(), 2);
    let said = listing.damaged[0].to_string();
    assert!(said.contains(&names[1]) && said.contains("move it away"), "{said}");
    assert!(ledger.begin(entry(job.execution(0, 2))).unwrap_err().to_string().contains(&names[1]));
    assert_eq!(ledger.of(job.execution(0, 2)), []);
    let task = Scripted::new(|_: &mut Entry, _: usize| Ok(Next::Ended));
    let driver = Driver::start(ledger.clone(), by(task.clone())).unwrap();
    until("the others end", || ledger.entries().unwrap().entries.iter().all(|entry| entry.ended));
    drop(driver);
    assert_eq!(task.calls(), 2);
}

#[test]
fn what_has_ended_is_out_of_the_way_and_forgotten_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let first = ledger.begin(entry(job().execution(0, 1))).unwrap();
    let open = ledger.begin(entry(job().execution(0, 2))).unwrap();
    let mut ended = first.clone();
    ended.ended = true;
    ledger.put(&ended).unwrap();
    assert_eq!(ledger.open_names("estuary").unwrap(), [open.name()]);
    assert_eq!(ledger.get(&first.name()).unwrap(), Some(ended.clone()));
    assert_eq!(ledger.entries().unwrap().entries, [open.clone(), ended.clone()], "what is to be done comes first");
    // Killed between the two writes: it is in both places, and listed once.
    fs::write(ledger.path(&first.name()), serde_json::to_vec(&first).unwrap()).unwrap();
    assert_eq!(ledger.entries().unwrap().entries.len(), 2);
    let task = Scripted::new(|_: &mut Entry, _: usize| Ok(Next::Ended));
    let driver = Driver::start(ledger.clone(), by(task)).unwrap();
    until("both end", || ledger.open_names("estuary").unwrap().is_empty());
    drop(driver);
    let begun = ledger.begin(entry(open.execution)).unwrap();
    assert!(begun.ended);
    fs::write(dir.path().join("publications/.draft-abc"), "").unwrap();
    let mut past = ledger.past().unwrap();
    past.sort_unstable();
    assert_eq!(past.len(), 3);
    assert_eq!(past[0], ".draft-abc", "that of somebody dead");
    let (forgotten, kept): (Vec<_>, Vec<_>) = past.into_iter().partition(|name| !name.contains(&open.name()));
    ledger.forget(&forgotten).unwrap();
    ledger.forget(&forgotten).unwrap();
    assert_eq!(ledger.past().unwrap(), kept);
    assert_eq!(ledger.entries().unwrap().entries.len(), 1);
}

#[test]
fn steps_are_noted_once_and_bounded() {
    let mut entry = entry(job().execution(0, 1));
    entry.step(1, "queued", "at the service");
    entry.step(2, "queued", "at the service");
    assert_eq!((entry.publication.steps.len(), entry.publication.steps[0].at_ms), (1, 1));
    entry.wait(3, "it is silent");
    entry.wait(4, "it is silent");
    entry.wait(5, "it hung up");
    assert_eq!(texts(&entry), ["queued at the service", "waiting it hung up"], "the latest reason only");
    for number in 0..1000 {
        let text = if number % 2 == 0 { "ä".repeat(1 << 20) } else { String::new() };
        entry.step(number, &"state".repeat(1000), text);
    }
    let steps = &entry.publication.steps;
    assert_eq!((steps.len(), steps[0].text.as_str(), steps[MAX_STEPS - 1].at_ms), (MAX_STEPS, "at the service", 999));
    assert_eq!(steps[FIRST_STEPS].at_ms, 1000 - (MAX_STEPS - FIRST_STEPS) as u64, "those in the middle went");
    assert!(steps.iter().all(|step| step.text.len() <= MAX_TEXT_BYTES));
    let (one, most) = (bacalhau_job::to_dag_cbor(&entry.publication).len(), 64 << 10);
    assert!(2 * one < most, "two publishers' steps are kept by a requester: {one}");
}

#[test]
fn what_begins_here_is_driven_at_once_and_nothing_is_done_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let task = Scripted::new(|entry: &mut Entry, before: usize| {
        entry.step(before as u64, "step", before.to_string());
        Ok(if before < 2 { Next::In(Duration::ZERO) } else { Next::In(Duration::from_hours(1)) })
    });
    let driver = Driver::start(ledger.clone(), by(task.clone())).unwrap();
    let began = Instant::now();
    for number in 1..=10 {
        let name = ledger.begin(entry(job().execution(0, number))).unwrap().name();
        until("three steps", || ledger.get(&name).unwrap().unwrap().publication.steps.len() == 3);
    }
    assert!(began.elapsed() < LOOK * 5, "ten of them, sooner than one looks ten times: {:?}", began.elapsed());
    assert_eq!(task.calls(), 10 * 3, "what is not due is left alone");
    drop(driver);
    let began = Instant::now();
    for _ in 0..10 {
        drop(Driver::start(ledger.clone(), by(task.clone())).unwrap());
    }
    assert!(began.elapsed() < LOOK * 5, "none of ten sleeps on: {:?}", began.elapsed());
    assert_eq!(task.calls(), 10 * 3);
}

#[test]
fn one_drives_and_another_takes_over_when_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let script = |_: &mut Entry, _: usize| Ok(Next::In(Duration::from_hours(1)));
    let (first, second) = (Scripted::new(script), Scripted::new(script));
    let one = ledger(&dir);
    let driver = Driver::start(one.clone(), by(first.clone())).unwrap();
    one.begin(entry(job().execution(0, 1))).unwrap();
    until("the first drives", || first.calls() == 1);
    let other = ledger(&dir);
    let waiting = Driver::start(other.clone(), by(second.clone())).unwrap();
    let name = other.begin(entry(job().execution(0, 2))).unwrap().name();
    until("the first finds what the second has begun", || first.calls() == 2);
    assert_eq!(second.calls(), 0);
    drop(driver);
    other.begin(entry(job().execution(0, 3))).unwrap();
    until("the second takes over", || second.calls() == 1);
    until("it is on disk", || other.get(&name).unwrap().unwrap().next_ms > 0);
    drop(waiting);
    assert_eq!((first.calls(), second.calls()), (2, 1), "what is not due was left alone");
}

#[test]
fn a_driver_that_cannot_publish_by_one_leaves_it_to_who_can() {
    let dir = tempfile::tempdir().unwrap();
    let unable = Driver::start(ledger(&dir), PublicationTasks::default()).unwrap();
    let able = ledger(&dir);
    able.begin(entry(job().execution(0, 1))).unwrap();
    let task = Scripted::new(|_: &mut Entry, _: usize| Ok(Next::Ended));
    let driver = Driver::start(able.clone(), by(task)).unwrap();
    until("it ends", || able.open_names("estuary").unwrap().is_empty());
    drop((unable, driver));
}

#[test]
fn what_fails_is_tried_later_each_time_and_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let task = Scripted::new(|_: &mut Entry, _: usize| Err(StepError::Temporary("the service is silent".into())));
    let mut begun = entry(job().execution(0, 1));
    let name = begun.name();
    begun.failures = MOST_FAILURES - 2;
    ledger.begin(begun).unwrap();
    let driver = Driver::start(ledger.clone(), by(task.clone())).unwrap();
    until("it has failed", || ledger.get(&name).unwrap().unwrap().failures == MOST_FAILURES - 1);
    drop(driver);
    let mut waiting = ledger.get(&name).unwrap().unwrap();
    assert_eq!((task.calls(), texts(&waiting)), (1, vec!["waiting the service is silent".to_owned()]));
    let wait = waiting.next_ms - task.1.lock().unwrap()[0].1;
    assert_eq!(Duration::from_millis(wait), Duration::from_mins(10), "not longer than this");
    waiting.next_ms = 0;
    ledger.put(&waiting).unwrap();
    let driver = Driver::start(ledger.clone(), by(task)).unwrap();
    until("it is given up", || ledger.get(&name).unwrap().unwrap().ended);
    drop(driver);
    let ended = ledger.get(&name).unwrap().unwrap();
    assert!(ended.has_failed() && texts(&ended)[1].contains("stopped after 1000 failures"), "{:?}", texts(&ended));
    let began = Scripted::new(
        |_: &mut Entry, before: usize| {
            if before < 2 { Err(StepError::Temporary("not yet".into())) } else { Ok(Next::Ended) }
        },
    );
    let name = ledger.begin(entry(job().execution(0, 2))).unwrap().name();
    let driver = Driver::start(ledger.clone(), by(began.clone())).unwrap();
    until("it goes on by itself", || ledger.get(&name).unwrap().unwrap().ended);
    drop(driver);
    let times: Vec<u64> = began.1.lock().unwrap().iter().map(|(_, at)| *at).collect();
    assert!(times[1] - times[0] >= 1000 && times[2] - times[1] >= 2000, "it backs off: {times:?}");
    assert_eq!(ledger.get(&name).unwrap().unwrap().failures, 0);
}

#[test]
fn what_a_failed_step_has_found_out_is_kept_and_what_a_panic_left_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let task = Scripted::new(|entry: &mut Entry, before: usize| {
        entry.publication.places.push(format!("place {before}"));
        assert!(before != 1, "a mistake, for the test");
        if before == 0 { Err(StepError::Temporary("not yet".into())) } else { Ok(Next::Ended) }
    });
    let name = ledger.begin(entry(job().execution(0, 1))).unwrap().name();
    let other = ledger.begin(entry(job().execution(0, 2))).unwrap().name();
    let driver = Driver::start(ledger.clone(), by(task)).unwrap();
    until("all end", || [&name, &other].iter().all(|name| ledger.get(name).unwrap().unwrap().ended));
    drop(driver);
    let entry = ledger.get(&name).unwrap().unwrap();
    assert_eq!(entry.publication.places, ["place 0", "place 2"]);
    assert!(texts(&entry)[0].contains("internal error"), "{:?}", texts(&entry));
}

#[test]
fn a_step_that_hangs_does_not_hold_up_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let (entered, is_in) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (entered, released) = (Mutex::new(entered), Mutex::new(released));
    let task = Scripted::new(move |_: &mut Entry, _: usize| {
        entered.lock().unwrap().send(()).unwrap();
        let _ = released.lock().unwrap().recv();
        Ok(Next::Ended)
    });
    let name = ledger.begin(entry(job().execution(0, 1))).unwrap().name();
    let driver = Driver::start(ledger.clone(), by(task)).unwrap();
    is_in.recv().unwrap();
    let began = Instant::now();
    drop(driver);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!ledger.get(&name).unwrap().unwrap().ended);
    release.send(()).unwrap();
    until("the step comes to its end all the same", || ledger.get(&name).unwrap().unwrap().ended);
}
