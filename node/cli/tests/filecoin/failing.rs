//! Markets that refuse, fail, are slow, or talk nonsense.

use std::fs;
use std::time::Duration;

use bacalhau_publisher::{Next, PublicationTask, filecoin::Stage};

use crate::market::Fault;
use crate::scene::{PATIENCE, Scene, Wish, deal, last, now_ms, states};

/// How long a market may be silent that is silent.
const IMPATIENT: Duration = Duration::from_secs(2);

#[test]
fn what_a_market_refuses_ends_the_deal_with_the_reason_and_what_to_do() {
    for (status, said, words, todo) in [
        ("400 Bad Request", "Reason: bad", "bad proposal", "ask the provider"),
        ("422 X", "", "data source not supported", "filecoin.serve_url"),
        ("423 X", "", "product not supported", "ask the provider"),
        ("424 X", "", "product not enabled", "ask the provider"),
        ("425 X", "Reason: p", "product validation failed", "ask the provider"),
        ("426 X", "", "rejected by the market's rules", "ask the provider"),
        ("430 X", "", "malformed data source", "filecoin.serve_url"),
        ("440 X", "", "market not enabled", "ask the provider"),
        ("441 X", "Reason: duration must be", "duration too short", "filecoin.duration"),
        ("404 Not Found", "", "not found", "filecoin.market"),
    ] {
        let scene = Scene::new(Wish::default());
        scene.market.fail("POST deal", Fault::Status(status, said));
        let mut entry = scene.begin();
        scene.finish(&mut entry);
        assert_eq!(states(&entry).last(), Some(&"failed"), "{status}");
        assert!(last(&entry).contains(words) && last(&entry).contains(todo), "{}", last(&entry));
        assert!(last(&entry).contains(said.trim_start_matches("Reason: ")), "{}", last(&entry));
        assert!(entry.has_failed() && !entry.needs_node && scene.archives().is_empty());
    }
}

#[test]
fn what_the_market_itself_checks_is_said_in_its_words() {
    for (spoil, words) in [
        ((|scene: &Scene| scene.market.state().providers.clear()) as fn(&Scene), "Provider not available"),
        (|scene| scene.market.state().sector_bytes = 2048, "larger than the miner's sector size"),
        (|scene| assert!(scene.market.state().sources.remove("put")), "data source put is not enabled"),
        (|scene| scene.market.state().allowed = Some(["f01001".to_owned()].into()), "allow the wallet"),
    ] {
        let scene = Scene::new(Wish::default());
        spoil(&scene);
        let mut entry = scene.begin();
        scene.finish(&mut entry);
        assert!(entry.has_failed() && last(&entry).contains(words), "{:?}", last(&entry));
        assert!(scene.market.state().deals.is_empty());
    }
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let scene = Scene::new(Wish::default());
    let mut entry = scene.begin();
    scene.step(&mut entry).unwrap();
    let wrong = now_ms() - 5 * 60_000;
    assert_eq!(scene.publisher.advance(&mut entry, wrong), Ok(Next::Ended));
    assert!(last(&entry).contains("this machine's clock"), "{}", last(&entry));
}

#[test]
fn a_duration_that_is_too_short_is_refused_by_the_market() {
    let mut scene = Scene::new(Wish::default());
    scene.config.terms.duration_epochs = 518_399;
    scene.restart();
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    assert!(last(&entry).contains("441") && last(&entry).contains("at least 518400"), "{}", last(&entry));
}

#[test]
fn a_verified_deal_without_its_allocation_is_refused() {
    let scene = Scene::new(Wish { pulled: false, verified: true });
    let mut entry = scene.begin();
    for _ in 0..3 {
        scene.step(&mut entry).unwrap();
    }
    assert_eq!(deal(&entry).stage, Stage::Allocated);
    scene.market.state().allocations.clear();
    scene.finish(&mut entry);
    assert!(last(&entry).contains("must have a valid allocation ID"), "{}", last(&entry));
}

/// Each request of a deal goes wrong once in each way, and the deal is made all the same, once.
#[test]
fn what_fails_once_is_tried_again() {
    let faults = [
        Fault::Status("500 Internal Server Error", "Reason: "),
        Fault::Status("502 Bad Gateway", "<html>"),
        Fault::Status("503 Service Unavailable", ""),
        Fault::Status("429 Too Many Requests", "Reason: backpressure"),
        Fault::HangUp,
        Fault::Lost,
        Fault::Silence,
    ];
    for request in ["GET status", "POST deal", "PUT upload", "POST upload"] {
        for fault in &faults {
            let patience = if matches!(fault, Fault::Silence) { IMPATIENT } else { PATIENCE };
            let scene = Scene::with_patience(Wish::default(), patience);
            scene.market.fail(request, fault.clone());
            let mut entry = scene.begin();
            scene.finish(&mut entry);
            let row = scene.market.only();
            assert_eq!(deal(&entry).stage, Stage::Stored, "{request} {fault:?}: {:?}", states(&entry));
            assert_eq!(row.proposal.identifier, deal(&entry).id.to_string());
            assert!(row.uploads == 1, "{request} {fault:?}: {} uploads", row.uploads);
            assert!(states(&entry).contains(&"waiting"), "{request} {fault:?}: {:?}", states(&entry));
        }
    }
}

#[test]
fn a_market_that_asks_for_a_pause_gets_it() {
    let scene = Scene::new(Wish::default());
    scene.market.fail("POST deal", Fault::Status("429 Too Many Requests", "Reason: backpressure is active"));
    let mut entry = scene.begin();
    scene.step(&mut entry).unwrap();
    assert_eq!(scene.step(&mut entry), Ok(Next::In(Duration::from_secs(2))));
    assert!(last(&entry).contains("429") && last(&entry).contains("backpressure"), "{}", last(&entry));
}

#[test]
fn a_market_that_talks_nonsense_is_asked_again() {
    for said in
        ["", "{", "[]", "{}", r#"{"ddo_v1":{}}"#, r#"{"ddo_v1":{"status":"sold"}}"#, r#"{"ddo_v1":{"status":7}}"#]
    {
        let scene = Scene::new(Wish::default());
        let mut entry = scene.begin();
        scene.step(&mut entry).unwrap();
        scene.market.fail("GET status", Fault::Says(said));
        let error = scene.step(&mut entry).unwrap_err().to_string();
        assert!(error.contains("the market"), "{said}: {error}");
        scene.finish(&mut entry);
        assert_eq!(deal(&entry).stage, Stage::Stored, "{said}");
    }
}

#[test]
fn a_deal_that_the_provider_gives_up_has_failed() {
    let scene = Scene::new(Wish { pulled: true, verified: false });
    let mut entry = scene.begin();
    fs::write(&deal(&entry).piece.car, [7; 1000]).unwrap();
    scene.finish(&mut entry);
    assert!(entry.has_failed() && last(&entry).contains("piece raw size does not match"), "{}", last(&entry));
    assert!(scene.archives().is_empty());
}

#[test]
fn an_archive_that_is_gone_is_not_waited_for() {
    let scene = Scene::new(Wish::default());
    let mut entry = scene.begin();
    fs::remove_file(&deal(&entry).piece.car).unwrap();
    scene.finish(&mut entry);
    assert!(entry.has_failed() && last(&entry).contains("cannot be read"), "{}", last(&entry));
}

#[test]
fn a_market_that_does_not_know_a_deal_any_more_is_asked_on() {
    let scene = Scene::new(Wish::default());
    let mut entry = scene.begin();
    for _ in 0..3 {
        scene.step(&mut entry).unwrap();
    }
    assert_eq!(deal(&entry).stage, Stage::HandedOver);
    let kept = std::mem::take(&mut scene.market.state().deals);
    let error = scene.step(&mut entry).unwrap_err().to_string();
    assert!(error.contains("does not know the deal"), "{error}");
    scene.market.state().deals = kept;
    scene.finish(&mut entry);
    assert_eq!(deal(&entry).stage, Stage::Stored);
}
