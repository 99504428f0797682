//! One allocation for each verified deal, whatever is killed when.

use bacalhau_publisher::filecoin::{Backend as _, Observation, Stage, StorageDeal};

use crate::support::{Scene, deal, later, never, now_ms, waiting};
use bacalhau_testkit::{
    lotus::chain::{DAY, PROVIDER_ID, WALLET_ID},
    lotus::fake::Fault,
};

#[test]
fn a_message_becomes_an_allocation() {
    let scene = Scene::allocating();
    assert_eq!(scene.fake.chain().messages[0].max_fee, 70_000_000_000_000_000, "0.07 FIL");
    assert!(waiting(scene.step()).ends_with("is not on the chain yet"));
    scene.fake.chain().pass(3);
    assert!(waiting(scene.step()).ends_with("was executed 2 epochs ago; it is final after 5"));
    scene.fake.chain().pass(3);
    assert_eq!(scene.step(), Ok(Observation::Allocated(70)));
    let chain = scene.fake.chain();
    let allocation = &chain.allocations[&70];
    assert_eq!((allocation.client, allocation.provider, allocation.size), (WALLET_ID, PROVIDER_ID, 1 << 20));
    assert_eq!(allocation.data, *scene.deal.piece.v1.cid());
    // A sector may end up to 90 days after the shortest term.
    assert_eq!((allocation.term_min, allocation.term_max), (180 * DAY, 270 * DAY));
    let wait = allocation.expiration - 5_000_000;
    assert!((39 * DAY..=59 * DAY).contains(&wait), "{wait}");
    assert_eq!(chain.datacap[&WALLET_ID], (1 << 40) - (1 << 20));
}

#[test]
fn whoever_is_killed_after_sending_does_not_send_again() {
    let mut scene = Scene::at(Stage::Checked);
    // Lost answers to the first call, then to the second, and so on until the message itself is sent.
    let mut sent = 0;
    for calls_before in 0.. {
        scene.fake.fail((0..calls_before).map(|_| None).chain([Some(Fault::LostAnswer)]));
        let outcome = scene.step();
        sent = scene.fake.chain().messages.len();
        if outcome.is_ok() {
            break;
        }
        assert!(sent <= 1);
    }
    assert_eq!(sent, 1);
    scene.fake.fail([None]);
    let Ok(Observation::Pushed(message)) = scene.step() else { panic!("the same message is given back") };
    assert_eq!(*message.cid(), scene.fake.chain().messages[0].cid);
    assert_eq!(scene.fake.chain().messages.len(), 1);
    // Lotus has forgotten what it has sent, and the message is on the chain.
    scene.fake.chain().messages[0].uuid = None;
    scene.fake.chain().pass(1);
    assert_eq!(scene.step(), Ok(Observation::Allocated(70)));
    // So has whoever was to remember the message.
    scene.deal.stage = Stage::Checked;
    assert_eq!(scene.step(), Ok(Observation::Allocated(70)));
    let chain = scene.fake.chain();
    assert_eq!((chain.messages.len(), chain.allocations.len()), (1, 1));
}

#[test]
fn a_day_later_it_is_still_the_same() {
    let mut scene = Scene::at(Stage::Checked);
    scene.step_to_allocating();
    scene.fake.chain().pass(3 * DAY);
    scene.fake.chain().messages[0].uuid = None;
    assert_eq!(scene.step(), Ok(Observation::Allocated(70)));
    scene.deal.stage = Stage::Checked;
    assert_eq!(scene.step(), Ok(Observation::Allocated(70)));
}

#[test]
fn two_deals_on_one_piece_have_an_allocation_each() {
    let first = Scene::allocating();
    let mut second: StorageDeal = deal(now_ms(&first.fake));
    assert_eq!(second.piece.v1, first.deal.piece.v1);
    first.fake.chain().pass(10);
    assert_eq!(first.step(), Ok(Observation::Allocated(70)));
    second.stage = Stage::Checked;
    let pushed = first.lotus.advance(&second, now_ms(&first.fake));
    let Ok(Observation::Pushed(message)) = pushed else { panic!("{pushed:?}") };
    first.fake.chain().pass(10);
    second.stage = Stage::Allocating;
    second.allocation = Some(bacalhau_publisher::filecoin::Allocation { message: Some(message), id: None });
    assert_eq!(first.lotus.advance(&second, now_ms(&first.fake)), Ok(Observation::Allocated(71)));
    assert_eq!(first.step(), Ok(Observation::Allocated(70)));
}

#[test]
fn datacap_that_another_deal_has_spent_meanwhile_is_missed_before_anything_is_sent() {
    let scene = Scene::at(Stage::Checked);
    scene.fake.chain().datacap.insert(WALLET_ID, 1000);
    assert!(never(scene.step()).contains("has 1000 bytes of DataCap left, and the piece needs 1048576"));
    assert!(scene.fake.chain().messages.is_empty());
}

#[test]
fn what_lotus_does_not_send_may_be_sent_later() {
    let scene = Scene::at(Stage::Checked);
    scene.fake.chain().balance = 5;
    let (why, _) = later(scene.step());
    assert!(why.contains("mpool push: not enough funds: 5 < "), "{why}");
    scene.fake.chain().balance = 10_u128.pow(18);
    assert!(matches!(scene.step(), Ok(Observation::Pushed(_))));
}

#[test]
fn a_message_that_fails_on_the_chain_is_the_end() {
    let scene = Scene::allocating();
    // Sent while there was enough.
    scene.fake.chain().datacap.insert(WALLET_ID, 0);
    scene.fake.chain().pass(10);
    let said = never(scene.step());
    assert!(said.contains("failed on the chain with exit code 19 (insufficient DataCap)"), "{said}");
}

#[test]
fn a_message_that_nobody_takes_up_is_waited_for_as_long_as_it_makes_sense() {
    let scene = Scene::allocating();
    scene.fake.chain().full = true;
    scene.fake.chain().pass(38 * DAY);
    assert!(waiting(scene.step()).contains("not on the chain yet"));
    scene.fake.chain().pass(22 * DAY);
    let said = never(scene.step());
    assert!(said.contains("was not executed") && said.contains("raise filecoin.max_price"), "{said}");
}

#[test]
fn a_deal_that_has_waited_too_long_spends_nothing() {
    let scene = Scene::at(Stage::Checked);
    scene.fake.chain().pass(55 * DAY);
    assert!(never(scene.step()).contains("too little time is left to seal it"));
    assert!(scene.fake.chain().messages.is_empty());
}
