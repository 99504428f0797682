//! Clients that ask too much, too slowly, or too often at once, and the others beside them.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::*;
use bacalhau_values::budget::Rate;

#[test]
fn a_client_that_floods_is_told_to_wait_and_another_ones_job_gets_through() {
    let stage = Stage::within(Limits {
        connections_per_address: 8,
        per_address: Rate { per_second: 1, burst: 20 },
        ..Limits::default()
    });
    let (over, refused, served) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..12_u64 {
            let (stage, over, refused, served) = (&stage, &over, &refused, &served);
            scope.spawn(move || {
                for nonce in 0.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let json = serde_json::to_vec(&signed(spec(), number << 32 | nonce, 9)).unwrap();
                    let reply = ask(stage.connect_from([127, 0, 0, 2]), "POST", "/api/v1/jobs", &[JSON], &json);
                    match reply.status() {
                        201 => served.fetch_add(1, Ordering::SeqCst),
                        429 => {
                            assert_eq!(reply.error().code, ErrorCode::OverBudget);
                            let pause: u64 = reply.header("retry-after").unwrap().parse().unwrap();
                            assert!((1..10).contains(&pause), "{pause}");
                            refused.fetch_add(1, Ordering::SeqCst)
                        }
                        // More connections than one may have are closed.
                        _ => 0,
                    };
                }
            });
        }
        while refused.load(Ordering::SeqCst) < 50 {
            thread::yield_now();
        }
        // All of this in the middle of the flood.
        let client = stage.client(1);
        let id = client.submit(&signed(spec(), 1, 1)).unwrap();
        assert_eq!(client.job(&id.to_string()).unwrap().record.job.id, id);
        assert_eq!(client.cancel(&id.to_string()).unwrap(), id);
        over.store(true, Ordering::SeqCst);
    });
    let (refused, served) = (refused.into_inner(), served.into_inner());
    assert!(served >= 20 && refused > served / 2, "{refused} refused, {served} served");
}

#[test]
fn a_clients_key_has_a_budget_wherever_it_comes_from() {
    let stage = Stage::within(Limits { jobs_per_client: Rate { per_second: 1, burst: 3 }, ..Limits::default() });
    let submit = |from: u8, nonce, number| {
        let json = serde_json::to_vec(&signed(spec(), nonce, number)).unwrap();
        ask(stage.connect_from([127, 0, 0, from]), "POST", "/api/v1/jobs", &[JSON], &json).status()
    };
    let answers: Vec<u16> = (1..=8).map(|from| submit(from, from.into(), 1)).collect();
    assert_eq!(answers[..3], [201; 3]);
    assert!(answers[3..].contains(&429), "{answers:?}");
    // Nobody uses up the budget of somebody whose signature he has not.
    let mut forged = signed(spec(), 1, 2);
    forged.request.nonce = "other".into();
    let json = serde_json::to_vec(&forged).unwrap();
    for _ in 0..10 {
        assert_eq!(stage.ask("POST", "/api/v1/jobs", &[JSON], &json).status(), 401);
    }
    assert_eq!(submit(1, 1, 2), 201);
}

#[test]
fn one_address_does_not_have_all_connections() {
    let stage = Stage::within(Limits { connections: 6, connections_per_address: 4, ..Limits::default() });
    let idle: Vec<_> = (0..10).map(|_| stage.connect_from([127, 0, 0, 2])).collect();
    let is_turned_away = |mut stream: &std::net::TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok() && answer.contains(" 429 ") && answer.contains("retry-after: 1\r\n")
    };
    assert_eq!(idle.iter().filter(|stream| is_turned_away(stream)).count(), 6);
    stage.client(1).node().unwrap();
}

#[test]
fn slow_clients_are_sent_away() {
    let short = Duration::from_millis(300);
    let limits = Limits { connections: 1, head_patience: short, patience: short, ..Limits::default() };
    let table = [
        ("nothing", "", None),
        ("half a head", "GET /livez HT", None),
        (
            "half a job",
            "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
            Some(408),
        ),
        (
            "half an archive",
            "POST /api/v1/data HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/vnd.ipld.car\r\nContent-Length: 1000\r\n\r\n{",
            Some(408),
        ),
        ("no second request", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", Some(200)),
    ];
    for (name, said, status) in table {
        let stage = Stage::within(limits);
        let mut slow = stage.connect();
        slow.write_all(said.as_bytes()).unwrap();
        let reply = Reply::read(slow);
        if let Some(status) = status.filter(|_| !reply.head.is_empty()) {
            assert_eq!(reply.status(), status, "{name}");
        }
        // The only place is free again.
        assert_eq!(stage.ask("GET", "/livez", &[], &[]).status(), 200, "{name}");
    }
}

#[test]
fn more_streams_than_there_is_room_for_are_refused_at_once() {
    let stage = Stage::within(Limits { streams: 1, ..Limits::default() });
    let client = stage.client(1);
    let id = client.submit(&signed(spec(), 1, 1)).unwrap().to_string();
    let first = client.follow_events(&id, 0).unwrap();
    let error = client.follow_events(&id, 0).unwrap_err();
    assert_eq!(code(&error), ErrorCode::Busy);
    let ClientError::Refused { status: 503, retry_after: Some(_), .. } = error else { panic!("{error}") };
    drop(first);
}
