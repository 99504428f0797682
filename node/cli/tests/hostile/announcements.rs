//! Announcements that are large, many, or refer to what is not there.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bacalhau_api::ListParams;
use bacalhau_job::{Announced, JobId};
use bacalhau_protocol::{Message, Reply};

use crate::memory_of::rss;
use crate::requester::Peer;
use bacalhau_testkit::{End, Lab, Node, until};

/// A provider that takes no jobs itself, and runs one at a time.
fn provider(lab: &Lab) -> Node {
    lab.serve("provider", "--requester=false --limit-total-cpu 1")
}

/// Runs a job by a requester of its own, which has to succeed.
fn honest_job(lab: &Lab, provider: &Node) {
    let honest = lab.serve("honest", &format!("--compute=false --bidding-time 1m --peer {}", provider.peer));
    let end = lab.run_of("client", &format!("wasm run hello.wat -c 1 --output-dir out --api-host {}", honest.api));
    assert_eq!(end.code, 0, "{}\n{}\n{}", end.stdout, end.stderr, provider.log());
}

/// Waits until the provider says why it does not bid on `job`.
fn declined(provider: &Node, job: &JobId, why: &str) {
    until(why, || provider.log().lines().any(|line| line.contains(&job.to_string()) && line.contains(why)));
}

#[test]
fn a_large_job_is_announced_in_brief_and_fetched_by_those_who_would_bid() {
    let lab = Lab::new();
    let requester = lab.serve("requester", "--compute=false");
    let _provider = lab.serve("provider", &format!("--requester=false --peer {}", requester.peer));
    let ear = Peer::ear(&requester);
    let argument = "x".repeat(100 << 10);
    let line =
        format!("wasm run hello.wat -c 1 --output json --output-dir out --api-host {} -- {argument}", requester.api);
    let summary = lab.expect_json(0, &line);
    assert_eq!(summary["claim"]["outcome"]["exit"], 0);
    let job = summary["job"].as_str().unwrap().parse().unwrap();
    for announcement in ear.heard(&job) {
        let Announced::Brief(brief) = announcement.job else { panic!("{announcement:?}") };
        assert!(brief.size > 100 << 10 && !brief.is_private(), "{brief:?}");
    }
}

#[test]
fn empty_arguments_without_number_end_the_decoding_and_take_no_memory() {
    let lab = Lab::new();
    let provider = provider(&lab);
    let specs = Arc::new(Mutex::new(Vec::<(JobId, Vec<u8>)>::new()));
    let served = Arc::clone(&specs);
    let attacker = Peer::at(&provider, move |message| {
        let Message::Spec { job } = message else { return None };
        let bytes = served.lock().unwrap().iter().find(|(id, _)| id == job)?.1.clone();
        Some(Reply::Spec { bytes })
    });
    let before = rss(&provider);
    let mut last = None;
    for number in 0..60 {
        let job = attacker.job(vec![String::new(); 170_000], &number.to_string());
        let bytes = job.to_dag_cbor();
        specs.lock().unwrap().push((job.id, bytes.clone()));
        attacker.announce_in_brief(&job, &bytes);
        last = Some(job.id);
    }
    // What is over its budget is not fetched; the first is.
    let first = specs.lock().unwrap()[0].0;
    declined(&provider, &first, "it cannot be decoded");
    until("the last is looked at", || {
        provider.log().contains(&last.unwrap().to_string()) || attacker_is_silent(&provider)
    });
    let after = rss(&provider);
    println!("memory: {} MiB before, {} MiB after", before >> 20, after >> 20);
    assert!(after < before + (64 << 20), "{before} bytes before, {after} after");
    honest_job(&lab, &provider);
}

/// Jobs that are not bid on are logged up to a number in a time; the rest is counted.
fn attacker_is_silent(provider: &Node) -> bool {
    provider.log().matches("no bid on a job").count() >= 20
}

#[test]
fn floods_of_large_announcements_by_many_clients_take_a_bounded_memory() {
    let lab = Lab::new();
    let provider = provider(&lab);
    let before = rss(&provider);
    let mut most = 0;
    for _ in 0..4 {
        let attacker = Peer::ear(&provider);
        for number in 0..600 {
            // As many arguments as the provider takes, so that it holds the job.
            let job = attacker.job(vec![String::new(); 4_000], &number.to_string());
            attacker.announce(Announced::Full(Arc::new(job)));
            if number % 100 == 0 {
                most = most.max(rss(&provider));
            }
        }
        most = most.max(rss(&provider));
    }
    println!("memory: {} MiB before, {} MiB at most", before >> 20, most >> 20);
    assert!(most < before + (256 << 20), "{before} bytes before, {most} at most");
    honest_job(&lab, &provider);
}

#[test]
fn bytes_that_do_not_hash_to_the_announced_cid_are_no_spec() {
    let lab = Lab::new();
    let provider = provider(&lab);
    let other: Arc<Mutex<Vec<u8>>> = Arc::default();
    let sent = Arc::clone(&other);
    let attacker = Peer::at(&provider, move |message| {
        matches!(message, Message::Spec { .. }).then(|| Reply::Spec { bytes: sent.lock().unwrap().clone() })
    });
    let job = attacker.job(vec!["x".repeat(20_000)], "1");
    let bytes = job.to_dag_cbor();
    let mut flipped = bytes.clone();
    flipped[10_000] ^= 1;
    *other.lock().unwrap() = flipped;
    attacker.announce_in_brief(&job, &bytes);
    declined(&provider, &job.id, "was announced");
    // Of another job, as large as this one.
    let second = attacker.job(vec!["y".repeat(20_000)], "2");
    *other.lock().unwrap() = second.to_dag_cbor();
    let third = attacker.job(vec!["z".repeat(20_000)], "3");
    attacker.announce_in_brief(&third, &third.to_dag_cbor());
    declined(&provider, &third.id, "was announced");
    // The right hash, of a job whose client has not signed it.
    let mut forged = attacker.job(vec!["x".repeat(20_000)], "4");
    forged.request.request.nonce = "5".into();
    forged.id = JobId::of(&forged.request, &attacker.me);
    let bytes = forged.to_dag_cbor();
    *other.lock().unwrap() = bytes.clone();
    attacker.announce_in_brief(&forged, &bytes);
    declined(&provider, &forged.id, "not signed by its client_key");
    honest_job(&lab, &provider);
}

#[test]
fn a_requester_that_never_sends_a_spec_is_given_up_and_holds_nobody_up() {
    let lab = Lab::new();
    let provider = provider(&lab);
    let attacker = Peer::ear(&provider);
    let mut jobs = Vec::new();
    // Few enough that none is left out of the log.
    for number in 0..70 {
        let job = attacker.job(vec!["x".repeat(20_000)], &number.to_string());
        attacker.announce_in_brief(&job, &job.to_dag_cbor());
        jobs.push(job.id);
    }
    let begun = Instant::now();
    honest_job(&lab, &provider);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    declined(&provider, &jobs[0], "has not sent it within 10 s");
    assert!(provider.log().contains("of its requester are being fetched"), "{}", provider.log());
}

#[test]
fn a_client_over_its_quota_is_told_to_wait_while_another_still_submits() {
    let lab = Lab::new();
    let node = lab.serve("node", "--compute=false --bidding-time 10m --client-jobs-size 1MiB");
    let submit = |client: &str, number: u32| {
        let argument = format!("{number}{}", "x".repeat(100_000));
        lab.run_of(client, &format!("wasm run hello.wat -c 1 --id-only --api-host {} -- {argument}", node.api))
    };
    let ends: Vec<End> = (0..12).map(|number| submit("one", number)).collect();
    let taken = ends.iter().take_while(|end| end.code == 0).count();
    assert!((8..=10).contains(&taken), "{ends:?}");
    for end in &ends[taken..] {
        for words in ["of one client (requester.client_jobs_size)", "1048576 are kept", "cancel jobs", "or wait"] {
            assert!(end.code != 0 && end.stderr.contains(words), "{words}: {end:?}");
        }
    }
    assert_eq!(submit("two", 0).code, 0);
    // What was taken is all there.
    let jobs = node.client().jobs(&ListParams::default()).unwrap().jobs;
    assert_eq!(jobs.len(), taken + 1, "{jobs:?}");
}
