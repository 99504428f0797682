//! What strangers see of a private job, and what commands do not help them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::*;
use bacalhau_job::{Action, Engine, SignedCommand};

#[test]
fn a_private_job_shows_strangers_that_it_is_there_and_no_more() {
    let stage = Stage::new();
    let (owner, stranger) = (stage.client(1), stage.client(2));
    let mut private = spec();
    private.private = true;
    private.inputs = vec![bacalhau_job::InputSpec { source: "ipfs://secret-cid".into(), target: "/in".into() }];
    let Engine::Wasm(wasm) = &mut private.engine else { panic!("it is for the sandbox") };
    wasm.job.args = vec!["secret-argument".into()];
    wasm.job.module = bacalhau_tree::Link::of_raw(b"secret-module");
    let id = owner.submit(&signed(private, 1, 1)).unwrap();
    let record = stage.fake.complete(&id, "h1:x");
    stage.fake.logs.lock().unwrap().insert((0, 1, false), (b"secret-log".to_vec(), true));

    let (path, full) = (format!("/api/v1/jobs/{id}"), owner.job(&id.short()).unwrap());
    assert_eq!((full.withheld, &full.record), (false, &record));
    let reply = stage.ask("GET", &path, &[], &[]);
    let text = String::from_utf8(reply.body).unwrap();
    assert!(!text.contains("secret"), "{text}");
    let seen = stranger.job(&id.short()).unwrap();
    assert!(seen.withheld && seen.record.state == JobState::Completed);
    let executions = &seen.record.shards[0].executions;
    assert!(
        executions.iter().all(|it| it.h1.is_none() && it.claim.is_none() && it.outcome.is_none() && it.fuel.is_none())
    );
    assert!(seen.record.shards[0].verdict.is_none() && seen.record.job.request.signature.is_empty());
    let module = record.job.spec().engine.clone();
    let Engine::Wasm(module) = module else { panic!("it is for the sandbox") };
    for secret in ["h1:x", &module.job.module.to_string(), &module.module, &record.job.request.signature] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let list = stage.ask("GET", "/api/v1/jobs", &[], &[]);
    assert!(!String::from_utf8_lossy(&list.body).contains("secret"));

    let events = stranger.events(&id.to_string(), 0).unwrap();
    assert!(events.len() == 3 && events.iter().all(|event| event.event.text.is_empty()));
    assert!(owner.events(&id.to_string(), 0).unwrap().iter().any(|event| event.event.text == "secret-words"));
    for path in ["/logs", "/logs?follow=true", "/results", "/results/0"] {
        let reply = stage.ask("GET", &format!("/api/v1/jobs/{id}{path}"), &[], &[]);
        assert_eq!((reply.status(), reply.error().code), (403, ErrorCode::NotOwner), "{path}");
    }
    assert_eq!(code(&stranger.results(&id.to_string()).unwrap_err()), ErrorCode::NotOwner);
    assert_eq!(owner.results(&id.to_string()).unwrap().shards[0].publications.len(), 1);
}

#[test]
fn only_the_command_that_is_needed_helps() {
    let stage = Stage::new();
    let id = stage.client(1).submit(&signed(spec(), 1, 1)).unwrap();
    let other = stage.client(1).submit(&signed(spec(), 2, 1)).unwrap();
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let command = |action, job, at_ms, number| {
        format!("Authorization: {}", SignedCommand::sign(action, job, at_ms, &key(number)).unwrap().to_header())
    };
    let table = [
        ("nobody's", "X: y".to_owned(), 403, ErrorCode::NotOwner),
        ("somebody else's", command(Action::Cancel, id, now, 2), 403, ErrorCode::NotOwner),
        ("to read", command(Action::Read, id, now, 1), 401, ErrorCode::BadSignature),
        ("another job's", command(Action::Cancel, other, now, 1), 401, ErrorCode::BadSignature),
        ("of last week", command(Action::Cancel, id, now - 604_800_000, 1), 401, ErrorCode::BadSignature),
        ("of next week", command(Action::Cancel, id, now + 604_800_000, 1), 401, ErrorCode::BadSignature),
        ("a password", "Authorization: Basic eDp5".into(), 401, ErrorCode::BadSignature),
        ("nonsense", "Authorization: Bacalhau !!!".into(), 401, ErrorCode::BadSignature),
        ("no text", "Authorization: \u{e9}".into(), 401, ErrorCode::BadSignature),
    ];
    for (name, header, status, code) in table {
        let reply = stage.ask("DELETE", &format!("/api/v1/jobs/{id}"), &[&header], &[]);
        assert_eq!((reply.status(), reply.error().code), (status, code), "{name}");
        assert_eq!(stage.client(2).job(&id.to_string()).unwrap().record.state, JobState::Bidding, "{name}");
    }
    let right = command(Action::Cancel, id, now, 1);
    assert_eq!(stage.ask("DELETE", &format!("/api/v1/jobs/{id}"), &[&right], &[]).status(), 202);
}
