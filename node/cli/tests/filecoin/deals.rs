//! Deals from results to a sector, and nodes that are killed on the way.

use std::fs;

use bacalhau_cas::piece::Commitment;
use bacalhau_publisher::{PublicationTask, filecoin::Stage};
use bacalhau_runtime::dirhash;

use crate::market::Fault;
use crate::scene::{Scene, Wish, deal, last, now_ms, states};

#[test]
fn results_are_uploaded_to_a_provider_and_sealed() {
    let scene = Scene::new(Wish::default());
    let publication = scene.publish().unwrap();
    let mut entry = scene.entry();
    let id = deal(&entry).id;
    assert_eq!(publication, entry.publication);
    assert_eq!((publication.publisher.as_str(), publication.cid), ("filecoin", Some(deal(&entry).piece.root)));
    assert_eq!(publication.places, [format!("filecoin:f01000/{id}")]);
    assert!(entry.needs_node);
    let (commitment, roots) = Commitment::of_car("it", fs::File::open(&deal(&entry).piece.car).unwrap()).unwrap();
    assert_eq!(commitment.cid_v2(), *deal(&entry).piece.v2.cid());
    assert_eq!(roots, [*deal(&entry).piece.root.cid()]);
    scene.finish(&mut entry);
    let expected = ["prepared", "checked", "accepted", "uploaded", "processing", "sealing", "indexing", "stored"];
    assert_eq!(states(&entry), expected);
    assert!(!entry.needs_node && scene.archives().is_empty());
    let row = scene.market.only();
    assert_eq!((row.proposal.identifier, row.uploads, row.pulls), (id.to_string(), 1, 0));
    assert_eq!((row.proposal.duration, row.proposal.indexing, row.proposal.announces), (518_400, true, false));
    assert_eq!(row.proposal.client, deal(&entry).terms.wallet.to_string());
}

#[test]
fn a_provider_fetches_what_it_is_told_where() {
    let scene = Scene::new(Wish { pulled: true, verified: false });
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    let expected =
        ["prepared", "served", "checked", "accepted", "transfer", "processing", "sealing", "indexing", "stored"];
    let without = expected.into_iter().filter(|state| *state != "processing").collect::<Vec<_>>();
    assert_eq!(states(&entry), without, "what is fetched is with the provider when it is sealed");
    let row = scene.market.only();
    assert_eq!((row.uploads, row.pulls, row.error.as_str()), (0, 1, ""));
}

#[test]
fn a_verified_deal_spends_datacap_once_and_is_claimed() {
    let scene = Scene::new(Wish { pulled: false, verified: true });
    let mut entry = scene.begin();
    assert_eq!(deal(&entry).piece.padded_bytes, 1 << 20, "no smaller piece takes DataCap");
    assert_eq!(fs::metadata(&deal(&entry).piece.car).unwrap().len(), 1_040_384);
    let (_, roots) = Commitment::of_car("it", fs::File::open(&deal(&entry).piece.car).unwrap()).unwrap();
    assert_eq!(roots.len(), 1, "zeros behind an archive are no harm");
    scene.finish(&mut entry);
    let at = |state: &str| entry.publication.steps.iter().find(|step| step.state == state).unwrap().text.clone();
    assert!(at("allocated").contains("allocation 7"));
    assert!(at("stored").contains("sector 42"));
    assert_eq!(scene.market.only().proposal.allocation, Some(7));
    assert_eq!(scene.chain.messages.lock().unwrap().len(), 1);
}

#[test]
fn published_twice_it_is_one_deal() {
    let mut scene = Scene::new(Wish::default());
    let first = scene.publish().unwrap();
    let mut entry = scene.entry();
    scene.finish(&mut entry);
    scene.restart();
    assert_eq!(scene.publish().unwrap(), first);
    assert_eq!(scene.market.state().deals.len(), 1);
}

#[test]
fn results_that_are_others_by_now_are_not_published() {
    let scene = Scene::new(Wish::default());
    let h1 = dirhash::hash_dir(&scene.path("results"), "results").unwrap().h1;
    fs::write(scene.path("results/stdout"), "other\n").unwrap();
    let error = scene.publish_as(&h1, scene.execution()).unwrap_err().to_string();
    assert!(error.contains("nothing was published"), "{error}");
    assert!(scene.archives().is_empty() && scene.ledger.of(scene.execution()).is_empty());
}

/// Killed after what step number `at` did outside, and before the ledger heard of it.
fn killed_after(wish: Wish, at: usize) -> bool {
    let mut scene = Scene::new(wish);
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
        if !matches!(scene.step(&mut entry).unwrap(), bacalhau_publisher::Next::In(_)) {
            return false;
        }
        steps += 1;
    }
    let row = scene.market.only();
    assert_eq!(row.proposal.identifier, deal(&entry).id.to_string(), "step {at}");
    assert_eq!(deal(&entry).stage, Stage::Stored, "step {at}: {:?}", states(&entry));
    assert!(row.uploads <= 1 && scene.chain.messages.lock().unwrap().len() <= 1, "step {at}");
    assert!(scene.archives().is_empty(), "step {at}");
    true
}

#[test]
fn a_node_killed_after_any_step_goes_on_with_the_same_deal() {
    for wish in [
        Wish { pulled: false, verified: false },
        Wish { pulled: true, verified: false },
        Wish { pulled: false, verified: true },
    ] {
        let steps = (0..40).take_while(|at| killed_after(wish, *at)).count();
        assert!(steps >= 6, "{wish:?}: {steps}");
    }
}

#[test]
fn a_node_killed_before_the_ledger_heard_of_a_deal_leaves_nothing() {
    let mut scene = Scene::new(Wish::default());
    fs::write(scene.path("deals/piece/bafkzcileft"), "over").unwrap();
    scene.restart();
    assert!(scene.archives().is_empty());
}

#[test]
fn an_archive_that_two_deals_need_stays_until_both_have_ended() {
    let scene = Scene::new(Wish::default());
    let mut first = scene.begin();
    let h1 = first.h1.clone();
    let other = bacalhau_job::ExecutionId { number: 2, ..scene.execution() };
    scene.publish_as(&h1, other).unwrap();
    let mut second = scene.ledger.of(other).remove(0);
    assert_ne!(deal(&first).id, deal(&second).id);
    assert_eq!(deal(&first).piece.car, deal(&second).piece.car);
    scene.finish(&mut first);
    assert_eq!(scene.archives().len(), 1);
    scene.finish(&mut second);
    assert_eq!(last(&second).split(' ').next(), Some("f01000"));
}

#[test]
fn a_market_that_says_it_has_what_it_has_not_gets_it() {
    let scene = Scene::new(Wish::default());
    scene.market.state().is_confused = true;
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    assert_eq!(scene.market.only().uploads, 1);
    assert_eq!(deal(&entry).stage, Stage::Stored);
}

#[test]
fn a_proposal_whose_answer_is_lost_is_not_made_twice() {
    let scene = Scene::new(Wish::default());
    scene.market.fail("POST deal", Fault::Lost);
    let mut entry = scene.begin();
    scene.finish(&mut entry);
    assert_eq!(scene.market.asked("POST deal"), 1, "who asks first does not propose again");
    assert_eq!(deal(&entry).stage, Stage::Stored);
}
