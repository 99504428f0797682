//! Nodes that refuse, fail, are slow, lose things, or talk nonsense.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_publisher::pdp::{PayerKey, WarmStage};
use bacalhau_publisher::{Next, PublicationTask};
use bacalhau_testkit::pdp::Fault;

use crate::scene::{PATIENCE, Scene, last, now_ms, states, warm};

/// How long a node may be silent that is silent.
const IMPATIENT: Duration = Duration::from_secs(2);
const DAY_MS: u64 = 24 * 3_600_000;

/// Each request goes wrong once in each way, and the piece is added all the same, once.
#[test]
fn what_fails_once_is_tried_again() {
    let faults = [
        Fault::Status("500 Internal Server Error", "Failed to process [eid: 1]"),
        Fault::Status("503 Service Unavailable", ""),
        Fault::Status("429 Too Many Requests", "slow down"),
        Fault::HangUp,
        Fault::Lost,
        Fault::Silence,
    ];
    let requests = [
        "GET piece/",
        "POST piece/uploads",
        "PUT piece/uploads/",
        "POST piece/uploads/",
        "GET data-sets/42",
        "POST data-sets/42/pieces",
        "GET data-sets/42/pieces/added/",
    ];
    for request in requests {
        for fault in &faults {
            let patience = if matches!(fault, Fault::Silence) { IMPATIENT } else { PATIENCE };
            let scene = Scene::with_patience(patience);
            scene.node.fail(request, fault.clone());
            let mut entry = scene.begin();
            scene.finish(&mut entry);
            assert_eq!(warm(&entry).stage, WarmStage::Stored, "{request} {fault:?}: {:?}", states(&entry));
            assert_eq!(scene.node.state().chain.pieces.len(), 1, "{request} {fault:?}");
        }
    }
}

#[test]
fn what_a_node_refuses_ends_with_the_reason_and_what_to_do() {
    for (request, status, todo) in [
        ("POST piece/uploads", "401 Unauthorized", "pdp.token_file"),
        ("POST piece/uploads", "404 Not Found", "pdp.url"),
        ("PUT piece/uploads/", "413 Request Entity Too Large", "reduce the results"),
        ("POST data-sets", "403 Forbidden", "pdp.key_file"),
        ("POST data-sets", "400 Bad Request", "[pdp]"),
        ("GET data-sets/42", "404 Not Found", "pdp.data_set"),
    ] {
        let scene = Scene::new();
        scene.node.fail(request, Fault::Status(status, "because of it"));
        let mut entry = scene.begin();
        scene.finish(&mut entry);
        assert!(entry.has_failed() && !entry.needs_node && scene.archives().is_empty(), "{:?}", states(&entry));
        let words = last(&entry);
        assert!(words.contains(&status[..3]) && words.contains("because of it") && words.contains(todo), "{words}");
    }
}

#[test]
fn what_the_node_itself_checks_is_said_in_its_words() {
    for (spoil, words) in [
        ((|scene: &Scene| scene.node.state().token = Some("other")) as fn(&Scene), "invalid token"),
        (|scene| scene.node.state().data_set = 43, "Data set not found"),
        (|scene| scene.node.state().has_ended = true, "has been terminated"),
    ] {
        let scene = Scene::new();
        spoil(&scene);
        let mut entry = scene.begin();
        scene.finish(&mut entry);
        assert!(entry.has_failed() && last(&entry).contains(words), "{:?}", last(&entry));
        assert!(scene.node.transactions().is_empty());
    }
}

/// A node that is asked to send a transaction that would fail does not send it, and funds or permissions may come.
#[test]
fn signatures_that_the_contract_rejects_are_said_and_tried_again() {
    for (spoil, checks_payers) in [
        (
            (|scene: &mut Scene| scene.config.key = Arc::new(PayerKey::from_hex(&"1".repeat(64)).unwrap()))
                as fn(&mut Scene),
            false,
        ),
        (|scene| scene.config.terms.client_data_set = 8.into(), false),
        (|scene| scene.config.terms.chain_id = 314_159, false),
        (|scene| scene.config.terms.contract = "0x02925630df557F957f70E112bA06e50965417CA0".parse().unwrap(), true),
    ] {
        let mut scene = Scene::new();
        spoil(&mut scene);
        scene.restart();
        scene.node.state().checks_payers = checks_payers;
        let mut entry = scene.begin();
        let error = loop {
            match scene.step(&mut entry) {
                Ok(Next::In(pause)) if pause == Duration::from_secs(2) => panic!("{:?}", last(&entry)),
                Ok(Next::In(_)) => {}
                Ok(Next::Ended) => break last(&entry).to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.contains("InvalidSignature") || error.contains("invalid upload auth"), "{error}");
        assert_eq!(entry.has_failed() || checks_payers, checks_payers, "{error}");
        assert!(scene.node.state().chain.pieces.is_empty());
    }
}

#[test]
fn data_that_is_damaged_on_the_way_is_sent_again_and_not_for_ever() {
    let scene = Scene::new();
    scene.node.fail("PUT piece/uploads/", Fault::Damage);
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    assert!(states(&entry).contains(&"damaged") && warm(&entry).stage == WarmStage::Stored, "{:?}", states(&entry));
    let scene = Scene::new();
    for _ in 0..4 {
        scene.node.fail("PUT piece/uploads/", Fault::Damage);
    }
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    assert!(entry.has_failed() && last(&entry).contains("does not match the calculated pieceCid"), "{}", last(&entry));
    assert_eq!(scene.node.state().sessions_begun, 4);
}

#[test]
fn an_archive_that_is_another_one_by_now_is_never_added() {
    let scene = Scene::new();
    let mut entry = scene.begin();
    fs::write(&warm(&entry).piece.car, [7; 1000]).unwrap();
    scene.finish(&mut entry);
    assert!(entry.has_failed() && last(&entry).contains("size does not match"), "{}", last(&entry));
    assert!(scene.node.transactions().is_empty());
    let scene = Scene::new();
    let mut entry = scene.begin();
    fs::remove_file(&warm(&entry).piece.car).unwrap();
    scene.finish(&mut entry);
    assert!(entry.has_failed() && last(&entry).contains("cannot be read"), "{}", last(&entry));
}

#[test]
fn a_transaction_that_the_node_forgets_is_sent_again() {
    let scene = Scene::new();
    scene.node.fail("GET data-sets/42/pieces/added/", Fault::Status("404 Not Found", "Piece addition not found"));
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    assert!(states(&entry).contains(&"lost"), "{:?}", states(&entry));
    assert_eq!((scene.node.transactions().len(), scene.node.state().chain.pieces.len()), (2, 1));
}

#[test]
fn a_transaction_that_never_lands_is_sent_again_after_a_day_and_not_for_ever() {
    let scene = Scene::new();
    scene.node.state().chain.is_stuck = true;
    let mut entry = scene.begin();
    let began = now_ms();
    scene.finish_at(&mut entry, |step| began + step * DAY_MS);
    assert!(entry.has_failed() && last(&entry).contains("is pending after 24 hours"), "{}", last(&entry));
    let transactions = scene.node.transactions().len();
    assert!((2..=4).contains(&transactions), "{transactions}");
}

#[test]
fn a_transaction_that_fails_on_the_chain_ends_with_what_to_check() {
    let scene = Scene::new();
    scene.node.fail(
        "GET data-sets/42/pieces/added/",
        Fault::Says(r#"{"txHash":"0x","txStatus":"confirmed","dataSetId":42,"pieceCount":1,"addMessageOk":false,"piecesAdded":false}"#),
    );
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    let words = last(&entry);
    assert!(entry.has_failed() && words.contains("failed on the chain") && words.contains("pdp.key_file"), "{words}");
}

#[test]
fn a_node_that_asks_for_a_pause_gets_it() {
    let scene = Scene::new();
    scene.node.fail("POST piece/uploads", Fault::Status("429 Too Many Requests", "busy"));
    let mut entry = scene.begin();
    assert_eq!(scene.publisher.advance(&mut entry, now_ms()), Ok(Next::In(Duration::from_secs(2))));
    assert!(last(&entry).contains("429") && last(&entry).contains("busy"), "{}", last(&entry));
}

#[test]
fn a_node_that_talks_nonsense_is_asked_again() {
    let requests =
        ["GET piece/", "POST piece/uploads", "GET data-sets/42", "POST data-sets", "GET data-sets/42/pieces/added"];
    for request in requests {
        for said in ["", "{", "[]", "{}", r#"{"pieceCid":"baga"}"#, r#"{"id":41,"pieces":[],"nextChallengeEpoch":0}"#] {
            let scene = Scene::new();
            scene.node.fail(request, Fault::Says(said));
            let mut entry = scene.begin();
            scene.finish(&mut entry);
            assert_eq!(warm(&entry).stage, WarmStage::Stored, "{request} {said}: {:?}", states(&entry));
            assert_eq!(scene.node.state().chain.pieces.len(), 1, "{request} {said}");
        }
    }
}
