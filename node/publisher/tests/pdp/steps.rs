//! Pieces from results to a data set, and nodes that are killed on the way.

use std::fs::{self, File};

use bacalhau_cas::piece::Commitment;
use bacalhau_publisher::pdp::{MAX_ARCHIVE_BYTES, MIN_ARCHIVE_BYTES, WarmStage};
use bacalhau_publisher::{Next, PublicationTask};
use bacalhau_testkit::pdp::Fault;
use bacalhau_tree::dirhash;

use crate::scene::{Scene, last, now_ms, states, warm};

#[test]
fn results_are_uploaded_and_added_to_the_data_set() {
    let scene = Scene::new();
    let publication = scene.publish(1).unwrap();
    let mut entry = scene.entry(1);
    let piece = warm(&entry).piece.clone();
    assert_eq!((publication.publisher.as_str(), publication.cid), ("pdp", Some(piece.root)));
    assert_eq!(publication.places, [format!("{}/piece/{}", scene.node.url(), piece.v2)]);
    let (commitment, roots) = Commitment::of_car("it", File::open(&piece.car).unwrap()).unwrap();
    assert_eq!((commitment.cid_v2(), &roots[..]), (*piece.v2.cid(), &[*piece.root.cid()][..]));
    assert!(entry.needs_node);
    scene.finish(&mut entry);
    let expected = ["prepared", "uploaded", "waiting", "held", "adding", "waiting", "added", "waiting", "stored"];
    assert_eq!(states(&entry), expected);
    let [transaction] = &scene.node.transactions()[..] else { panic!("there is one transaction") };
    let warm = warm(&entry);
    assert_eq!((warm.piece_id, warm.transaction.unwrap().to_string()), (Some(0), transaction.hash.clone()));
    assert_eq!(entry.publication.places[1], "pdp:314/0x8408502033C418E1bbC97cE9ac48E5528F371A9f/42/0");
    let text = |state| &entry.publication.steps.iter().find(|step| step.state == state).unwrap().text;
    assert!(text("held").contains(&publication.places[0]));
    assert!(text("added").contains(&format!("piece 0 of data set 42, by transaction {}", transaction.hash)));
    assert!(last(&entry).contains("the next proof of data set 42 is due from epoch 5000000 on"), "{}", last(&entry));
    assert_eq!(scene.node.state().chain.pieces, [piece.v2.to_string()]);
    assert!(!entry.needs_node && scene.archives().is_empty());
}

#[test]
fn a_node_is_needed_until_the_transaction_is_on_the_chain() {
    let scene = Scene::new();
    let mut entry = scene.begin();
    while warm(&entry).stage < WarmStage::Added {
        assert!(entry.needs_node && scene.archives().len() == 1);
        scene.step(&mut entry).unwrap();
    }
    assert!(!entry.needs_node);
}

#[test]
fn a_node_that_asks_for_credentials_gets_them() {
    let mut scene = Scene::new();
    scene.node.state().token = Some("t0ken");
    scene.node.state().checks_payers = true;
    scene.config.token = Some("t0ken".parse().unwrap());
    scene.restart();
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    assert_eq!(warm(&entry).stage, WarmStage::Stored, "{:?}", last(&entry));
    assert!(!fs::read_to_string(scene.path(&format!("publications/{}.json", entry.name()))).unwrap().contains("t0ken"));
}

#[test]
fn published_twice_it_is_one_piece_also_from_two_executions() {
    let mut scene = Scene::new();
    let first = scene.publish(1).unwrap();
    let mut entry = scene.entry(1);
    scene.finish(&mut entry);
    scene.restart();
    assert_eq!(scene.publish(1).unwrap(), first);
    scene.publish(2).unwrap();
    let mut second = scene.entry(2);
    scene.finish(&mut second);
    assert_eq!(states(&second), ["prepared", "held", "added", "stored"]);
    assert_eq!(warm(&second).piece_id, warm(&entry).piece_id);
    assert_eq!((scene.node.transactions().len(), scene.node.state().sessions_begun), (1, 1));
}

#[test]
fn small_results_are_padded_to_the_smallest_piece() {
    let scene = Scene::new();
    fs::remove_dir_all(scene.path("results")).unwrap();
    fs::create_dir(scene.path("results")).unwrap();
    let mut entry = scene.begin();
    assert!(warm(&entry).piece.car_bytes >= MIN_ARCHIVE_BYTES);
    scene.finish(&mut entry);
    assert_eq!(warm(&entry).stage, WarmStage::Stored);
}

#[test]
fn results_that_are_others_by_now_are_not_published() {
    let scene = Scene::new();
    let h1 = dirhash::hash_dir(&scene.path("results"), "results").unwrap().h1;
    fs::write(scene.path("results/stdout"), "other\n").unwrap();
    let error = scene.publish_as(&h1, 1).unwrap_err().to_string();
    assert!(error.contains("nothing was published"), "{error}");
    assert!(scene.archives().is_empty() && scene.ledger.of(scene.execution(1)).is_empty());
}

#[test]
fn results_beyond_the_largest_piece_are_not_published() {
    assert_eq!(MAX_ARCHIVE_BYTES, 1_065_353_216);
    let bytes = warm(&Scene::new().begin()).piece.car_bytes;
    Scene::new().limited_to(bytes).publish(1).unwrap();
    let scene = Scene::new().limited_to(bytes - 1);
    let error = scene.publish(1).unwrap_err().to_string();
    let words =
        format!("its archive has {bytes} bytes, and PDP nodes accept at most {}; reduce the results", bytes - 1);
    assert!(error.contains(&words), "{error}");
    assert!(scene.archives().is_empty() && scene.ledger.of(scene.execution(1)).is_empty());
}

/// Killed after what step number `at` did outside, and before the ledger heard of it.
fn killed_after(at: usize) -> bool {
    let mut scene = Scene::new();
    let mut entry = scene.begin();
    let mut steps = 0;
    loop {
        if steps == at {
            let mut lost = entry.clone();
            // What comes of it is lost, whatever it is.
            let _ = scene.publisher.advance(&mut lost, now_ms());
            scene.restart();
            scene.finish(&mut entry);
            break;
        }
        if !matches!(scene.step(&mut entry).unwrap(), Next::In(_)) {
            return false;
        }
        steps += 1;
    }
    assert_eq!(warm(&entry).stage, WarmStage::Stored, "step {at}: {:?}", states(&entry));
    assert_eq!(scene.node.state().chain.pieces, [warm(&entry).piece.v2.to_string()], "step {at}: it is added once");
    assert!(scene.node.state().sessions_begun <= 2, "step {at}");
    assert!(scene.archives().is_empty(), "step {at}");
    true
}

#[test]
fn a_node_killed_after_any_step_adds_the_piece_once() {
    let steps = (0..40).take_while(|at| killed_after(*at)).count();
    assert!(steps >= 7, "{steps}");
}

#[test]
fn a_transaction_whose_answer_was_lost_is_found_in_the_data_set() {
    let scene = Scene::new();
    scene.node.fail("POST data-sets", Fault::Lost);
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    let transactions = scene.node.transactions();
    assert_eq!(transactions.len(), 2, "the first one is not known here");
    assert_eq!((transactions[0].done, transactions[1].done), (Some(Ok(0)), Some(Err(()))));
    assert_eq!((warm(&entry).piece_id, scene.node.state().chain.pieces.len()), (Some(0), 1));
}

#[test]
fn an_archive_without_an_entry_is_removed_at_the_next_start() {
    let mut scene = Scene::new();
    let entry = scene.begin();
    fs::write(scene.path("warm/piece/bafkzcileft"), "over").unwrap();
    scene.restart();
    assert_eq!(scene.archives(), std::slice::from_ref(&warm(&entry).piece.car));
}
