//! Events and logs as they come.

use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;

use super::*;
use bacalhau_job::EventKind;

#[test]
fn events_are_followed_until_the_job_has_ended() {
    let stage = Stage::new();
    let client = stage.client(1);
    let id = client.submit(&signed(spec(), 1, 1)).unwrap();
    let mut events = client.follow_events(&id.short(), 0).unwrap();
    let mut next = || events.next().map(|event| event.unwrap()).map(|event| (event.number, event.event.kind));
    assert_eq!(next(), Some((1, EventKind::Created)));
    // Whoever waits already hears of it.
    let fake = Arc::clone(&stage.fake);
    let later = thread::spawn(move || fake.run(&id));
    assert_eq!(next(), Some((2, EventKind::Running)));
    later.join().unwrap();
    stage.fake.complete(&id, "h1:x");
    assert_eq!(next(), Some((3, EventKind::Running)));
    assert_eq!(next(), Some((4, EventKind::Ended(JobState::Completed))));
    assert_eq!(next(), None);
    let rest: Vec<u64> = client.follow_events(&id.short(), 2).unwrap().map(|event| event.unwrap().number).collect();
    assert_eq!(rest, [3, 4]);
    assert_eq!(client.events(&id.short(), 3).unwrap().len(), 1);
}

#[test]
fn a_silent_stream_shows_that_it_lives() {
    let stage = Stage::within(Limits {
        heartbeat: Duration::from_millis(20),
        patience: Duration::from_millis(500),
        ..Limits::default()
    });
    let client = stage.client(1);
    let id = client.submit(&signed(spec(), 1, 1)).unwrap();
    let mut events = client.follow_events(&id.to_string(), 1).unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(events.next().unwrap().unwrap().number));
    // Longer than anybody may be silent.
    assert!(receiver.recv_timeout(Duration::from_millis(1200)).is_err());
    stage.fake.complete(&id, "h1:x");
    assert_eq!(receiver.recv_timeout(Duration::from_secs(20)).unwrap(), 2);
}

#[test]
fn a_log_is_read_up_to_now_or_followed_to_its_end() {
    let stage = Stage::new();
    let client = stage.client(1);
    let id = client.submit(&signed(spec(), 1, 1)).unwrap().to_string();
    assert_eq!(code(&client.follow_log(&id, LogParams::default()).unwrap_err()), ErrorCode::NotYet);
    stage.fake.run(&id.parse().unwrap());
    let gone = client.log(&id, LogParams::default()).map(drop).unwrap_err();
    assert_eq!(code(&gone), ErrorCode::Gone);
    let put = |stderr, bytes: &[u8], ended| {
        stage.fake.logs.lock().unwrap().insert((0, 1, stderr), (bytes.to_vec(), ended));
    };
    put(false, b"0123456789\xff", false);
    put(true, b"wrong", true);
    let read = |params| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut client.log(&id, params).unwrap(), &mut bytes).unwrap();
        bytes
    };
    assert_eq!(read(LogParams::default()), b"0123456789\xff");
    assert_eq!(read(LogParams { offset: 4, ..LogParams::default() }), b"456789\xff");
    assert_eq!(read(LogParams { offset: 400, ..LogParams::default() }), b"");
    assert_eq!(read(LogParams { stderr: true, execution: Some(1), ..LogParams::default() }), b"wrong");
    let mut lines = client.follow_log(&id, LogParams { offset: 8, ..LogParams::default() }).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), b"89\xff");
    put(false, b"0123456789\xffmore", true);
    let rest: Vec<u8> = lines.flat_map(|bytes| bytes.unwrap()).collect();
    assert_eq!(rest, b"more");
}

#[test]
fn a_log_whose_provider_goes_away_breaks_off_and_does_not_end() {
    let stage = Stage::new();
    let client = stage.client(1);
    let id = client.submit(&signed(spec(), 1, 1)).unwrap();
    stage.fake.run(&id);
    stage.fake.logs.lock().unwrap().insert((0, 1, false), (b"abc".to_vec(), false));
    let mut lines = client.follow_log(&id.to_string(), LogParams::default()).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), b"abc");
    stage.fake.logs.lock().unwrap().clear();
    let error = lines.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("ended early: the provider has no such log"), "{error}");
    assert!(lines.next().is_none());
}

#[test]
fn a_server_that_ends_finishes_what_it_has_begun() {
    let mut stage = Stage::new();
    let client = stage.client(1);
    let id = client.submit(&signed(spec(), 1, 1)).unwrap();
    let mut events = client.follow_events(&id.to_string(), 0).unwrap();
    assert_eq!(events.next().unwrap().unwrap().number, 1);
    // Somebody submits, and the node takes its time.
    let fake = Arc::clone(&stage.fake);
    let gate = fake.gate.lock().unwrap();
    let submitting = thread::spawn({
        let client = client.clone();
        move || client.submit(&signed(spec(), 2, 1))
    });
    while fake.come.load(Ordering::SeqCst) < 2 {
        thread::yield_now();
    }
    let server = stage.server.take().unwrap();
    let draining = thread::spawn(move || server.drain(Duration::from_secs(20)));
    // The stream ends, since the server does, and the client would come back.
    let error = events.next().unwrap().unwrap_err();
    let is_gone = matches!(&error, ClientError::Unreachable(..) | ClientError::Broken(..) | ClientError::HungUp(..));
    assert!(is_gone, "{error}");
    drop(gate);
    submitting.join().unwrap().unwrap();
    assert!(draining.join().unwrap(), "all requests came to their end");
}
