//! Fair draws: when bidding closes, who is in the set, what the randomness is, and who can steer it.

mod beacon;
mod properties;

use std::collections::BTreeSet;
use std::sync::Arc;

use libp2p_identity::PeerId;

use super::world::*;
use crate::{Effect, Input, RequesterConfig, draw, repeat};
use bacalhau_job::{
    AnnouncedJob, BeaconChain, BidReceipt, Deal, DrawMode, EventKind, ExecutionState, Hash256, JobRecord, JobState,
    Randomness, Secret, ShardRuns, ShardState, VerifierKind,
};
use bacalhau_protocol::{Bid, Committed, Message, Reveal, Withdraw};
use bacalhau_values::hex::Hex;
use bacalhau_verify::is_signed;

/// After how long bidding closes.
const WINDOW_MS: u64 = 2_000;
/// How long secrets are waited for.
const REVEAL_MS: u64 = 2_000;

/// Changes a record.
type Change = fn(&mut JobRecord);

fn fair(concurrency: u16, min_bids: u16) -> AnnouncedJob {
    sharded(concurrency, min_bids, 1)
}

fn sharded(concurrency: u16, min_bids: u16, shards: usize) -> AnnouncedJob {
    let deal = Deal::new(concurrency, 0).unwrap().with_min_bids(min_bids).with_draw(Some(DrawMode::Fair));
    job_of(deal, VerifierKind::Deterministic, shards)
}

fn committed(effects: &[Effect]) -> Vec<(PeerId, Committed)> {
    let of = |effect: &Effect| match effect {
        Effect::Send { to, message: Message::Committed(committed) } => Some((*to, committed.clone())),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn accepted(effects: &[Effect]) -> Vec<PeerId> {
    sent(effects, |message| matches!(message, Message::Accept(_)))
}

fn rejected(effects: &[Effect]) -> Vec<PeerId> {
    sent(effects, |message| matches!(message, Message::Reject(_)))
}

impl World {
    /// All of these bid, bidding closes, and all reveal.
    fn drawn(concurrency: u16, bidders: std::ops::Range<u8>) -> Self {
        let mut world = Self::new(fair(concurrency, 0));
        world.bids(bidders.clone());
        world.wait(WINDOW_MS);
        bidders.for_each(|number| drop(world.reveal(number, 1)));
        world
    }

    fn runners(&self) -> BTreeSet<PeerId> {
        self.shard().executions.iter().map(|it| it.peer).collect()
    }
}

#[test]
fn a_draw_of_fewer_bidders_than_runs_waits_for_the_end_of_bidding_and_for_leave() {
    for (min_runs, runs) in [(0, 0), (3, 3), (4, 0)] {
        let deal = Deal::new(5, 0).unwrap().with_draw(Some(DrawMode::Fair)).with_min_runs(min_runs).unwrap();
        let mut world = World::new(job_of(deal, VerifierKind::Deterministic, 1));
        world.bids(0..3);
        assert_eq!(committed(&world.wait(29_999)), [], "a fourth and a fifth may yet bid");
        let commitments = committed(&world.wait(1));
        assert_eq!(commitments.len(), runs, "of at least {min_runs}: {:?}", world.shard().why);
        (0..3).for_each(|number| drop(world.reveal(number, 1)));
        world.wait(1_000);
        assert_eq!(world.runners().len(), runs);
        if runs == 0 {
            let why = world.shard().why.clone().unwrap();
            assert!(why.ends_with("; ask for fewer runs with -c or --min-runs 3"), "{why}");
            continue;
        }
        for number in 1..4 {
            world.vote(number, "h1:a");
        }
        world.wait(1_000);
        assert_eq!(world.shard().verdict.as_ref().map(|verdict| (verdict.asked, verdict.had)), Some((5, 3)));
    }
}

#[test]
fn bidding_closes_at_its_time_and_the_draw_follows_from_what_is_revealed() {
    let mut world = World::new(fair(3, 0));
    world.bids(0..7);
    assert_eq!(committed(&world.wait(WINDOW_MS - 1)), [], "however many bids are in");
    assert!(world.shard().executions.is_empty());
    let commitments = committed(&world.wait(1));
    assert_eq!(commitments.len(), 7);
    let signed = &commitments[0].1.signed;
    assert!(commitments.iter().all(|(_, it)| it.signed == *signed), "the same for all");
    let text = signed.commitment.text();
    assert!(is_signed(&peer(REQUESTER), &text, &signed.signature));
    for number in 0..6 {
        assert_eq!(accepted(&world.reveal(number, 1)), []);
    }
    let drawn = accepted(&world.reveal(6, 1));
    assert_eq!(drawn.len(), 3);
    let repeated = repeat(world.record()).unwrap();
    assert_eq!((repeated.len(), repeated[0].bidders, &repeated[0].executions), (1, 7, &vec![1, 2, 3]));
    assert_eq!(repeated[0].randomness, Some(Randomness::Reveal));
    world.vote(1, "h1:a");
    world.vote(2, "h1:a");
    world.vote(3, "h1:a");
    world.publish(1, dag());
    world.collected(1, Ok(()));
    (1..=3).for_each(|number| drop(world.show(number)));
    assert_eq!(world.record().state, JobState::Completed);
}

#[test]
fn who_does_not_reveal_is_excluded_and_the_job_goes_on() {
    let mut world = World::new(fair(3, 0));
    world.bids(0..5);
    world.wait(WINDOW_MS);
    for number in 0..4 {
        world.reveal(number, 1);
    }
    assert!(accepted(&world.wait(REVEAL_MS - 1)).is_empty());
    let effects = world.wait(1);
    assert_eq!(accepted(&effects).len(), 3);
    assert!(rejected(&effects).contains(&peer(4)), "{effects:?}");
    assert!(!world.runners().contains(&peer(4)));
    let said = world.texts(EventKind::Draw).join("\n");
    assert!(said.contains("draw 1: 4 of 5 bidders revealed their secrets; excluded: "), "{said}");
    assert_eq!(rejected(&world.bid(4)), [peer(4)], "it does not come back under the same name");
    repeat(world.record()).unwrap();
}

#[test]
fn a_secret_that_is_not_the_one_of_the_bid_excludes_its_bidder() {
    let mut world = World::new(fair(2, 0));
    world.bids(0..3);
    world.wait(WINDOW_MS);
    let wrong = [secrets(1, &world.job).reveal(1).unwrap(), secrets(0, &world.job).reveal(2).unwrap()];
    for secret in wrong {
        world.say(peer(0), Message::Reveal(Reveal { job: world.job, round: 1, secret }));
    }
    world.reveal(0, 1);
    world.reveal(1, 1);
    let drawn = accepted(&world.reveal(2, 1));
    assert_eq!(drawn.into_iter().collect::<BTreeSet<_>>(), [peer(1), peer(2)].into());
    let said = world.texts(EventKind::Draw).join("\n");
    assert_eq!(said.matches("revealed something else than its bid commits to").count(), 1, "{said}");
}

#[test]
fn too_few_bids_are_waited_for_until_the_time_for_bids_ends() {
    let mut world = World::new(fair(3, 0));
    world.bids(0..2);
    assert!(committed(&world.wait(WINDOW_MS)).is_empty());
    world.bid(2);
    assert!(committed(&world.wait(WINDOW_MS - 1)).is_empty(), "bidding closes again after as long");
    assert_eq!(committed(&world.wait(1)).len(), 3);

    let mut world = World::new(fair(3, 0));
    world.bids(0..2);
    world.wait(30_000);
    assert_eq!(world.shard().state, ShardState::Failed);
    let why = world.shard().why.as_deref().unwrap();
    assert!(why.starts_with("bids 2/3 after 30 s: not enough providers offered"), "{why}");
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn bids_that_come_at_the_last_moment_are_drawn_among() {
    let mut world = World::new(fair(3, 0));
    world.bids(0..2);
    world.wait(29_999);
    world.bid(2);
    assert_eq!(committed(&world.wait(1)).len(), 3);
    (0..3).for_each(|number| drop(world.reveal(number, 1)));
    assert_eq!(world.shard().executions.len(), 3);
}

#[test]
fn each_bid_has_a_receipt_that_proves_that_it_came() {
    let mut world = World::new(fair(3, 0));
    let effects = world.bid(4);
    let [Effect::Send { to, message: Message::Receipt(receipt) }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((*to, receipt.bidder, receipt.received_ms), (peer(4), peer(4), START_MS));
    let text = BidReceipt::text(&world.job, &receipt.bidder, &receipt.commit, receipt.received_ms);
    assert!(is_signed(&peer(REQUESTER), &text, &receipt.signature));
    world.now += 1;
    assert_eq!(world.bid(4), effects, "the same again");
    // One without secrets, and one that is bound to others than before, do not count.
    let bid = |commit| Bid { job: world.job, shards: vec![0], versions: versions(), claim: None, commit };
    let (none, other) = (bid(None), bid(Some(secrets(9, &world.job).commit())));
    assert_eq!(rejected(&world.say(peer(5), Message::Bid(none))), [peer(5)]);
    assert_eq!(rejected(&world.say(peer(4), Message::Bid(other))), [peer(4)]);
    assert_eq!(world.shard().bids.len(), 1);
}

#[test]
fn who_bids_is_in_no_event_before_the_set_is_fixed() {
    let mut world = World::new(fair(3, 0));
    world.bids(0..5);
    let bids: Vec<_> = world.events.iter().filter(|event| event.kind == EventKind::Bid).collect();
    assert!(bids.len() == 5 && bids.iter().all(|event| event.peer.is_none()), "{bids:?}");
}

#[test]
fn an_execution_that_fails_is_replaced_by_a_further_draw() {
    let mut world = World::drawn(2, 0..6);
    let first = world.runners();
    let effects = world.fails(1);
    let commitments = committed(&effects);
    assert_eq!(commitments.len(), 4, "those whose bids are open, at once: {effects:?}");
    assert_eq!(commitments[0].1.signed.commitment.round, 2);
    assert!(world.shard().verdict.is_none());
    let numbers: Vec<u8> = (0..6).filter(|number| !first.contains(&peer(*number))).collect();
    for number in numbers {
        world.reveal(number, 2);
    }
    assert_eq!(world.shard().executions.len(), 3);
    assert!(!first.contains(&world.peer_of(3)));
    assert_eq!(repeat(world.record()).unwrap().len(), 2);
}

#[test]
fn without_open_bids_an_execution_is_replaced_by_bids_that_come() {
    let mut world = World::drawn(2, 0..2);
    world.wait(60_000);
    assert!(world.shard().executions.iter().all(|it| it.state == ExecutionState::Failed), "silent");
    assert!(world.shard().verdict.is_none());
    world.bid(7);
    world.bid(8);
    assert_eq!(committed(&world.wait(WINDOW_MS)).len(), 2);
    world.reveal(7, 2);
    world.reveal(8, 2);
    assert_eq!(world.shard().executions.len(), 4);
    repeat(world.record()).unwrap();
}

#[test]
fn shards_that_have_too_few_bids_are_drawn_for_later() {
    let mut world = World::new(sharded(2, 0, 3));
    (0..3).for_each(|number| drop(world.bid_for(number, vec![0, 2])));
    world.bid_for(3, vec![1]);
    let first = committed(&world.wait(WINDOW_MS));
    let expected = ShardRuns::of([0, 2]);
    assert!(first.len() == 3 && first.iter().all(|(_, it)| it.signed.commitment.shards == expected), "{first:?}");
    world.bid_for(0, vec![1]);
    (0..3).for_each(|number| drop(world.reveal(number, 1)));
    assert_eq!(committed(&world.wait(WINDOW_MS)).len(), 2);
    world.reveal(0, 2);
    world.reveal(3, 2);
    assert!(world.record().shards.iter().all(|shard| shard.executions.len() == 2));
    assert_eq!(repeat(world.record()).unwrap().len(), 3);
}

#[test]
fn one_that_withdraws_after_the_set_is_fixed_is_drawn_as_others_are() {
    let mut world = World::new(fair(3, 0));
    world.bids(0..3);
    world.wait(WINDOW_MS);
    (0..2).for_each(|number| drop(world.reveal(number, 1)));
    let withdraw = Withdraw { job: world.job, shards: vec![0], why: "full".into() };
    world.say(peer(0), Message::Withdraw(withdraw));
    assert_eq!(accepted(&world.reveal(2, 1)).len(), 3, "or a bidder, or the requester, could choose after the fact");
    repeat(world.record()).unwrap();
}

#[test]
fn a_job_without_word_about_it_has_the_draw_of_its_requester() {
    let config = RequesterConfig { draw: DrawMode::Fair, fair_bidding_ms: 500, ..RequesterConfig::default() };
    let mut world = World::configured(job(3, 0, 0), config.clone());
    assert_eq!(world.record().job.fair.as_ref().unwrap().window_ms, 500);
    world.bids(0..3);
    assert_eq!(committed(&world.wait(500)).len(), 3);
    let deal = Deal::new(3, 0).unwrap().with_draw(Some(DrawMode::Fast));
    let mut world = World::configured(job_of(deal, VerifierKind::Deterministic, 1), config);
    assert_eq!(accepted(&world.bids(0..3)).len(), 3);
    assert_eq!(repeat(world.record()).unwrap()[0].randomness, None);
}

/// Jobs that differ by their nonce.
fn numbered(number: u32, mode: DrawMode) -> AnnouncedJob {
    let deal = Deal::new(3, 0).unwrap().with_min_bids(7).with_draw(Some(mode));
    let job = job_of(deal, VerifierKind::Deterministic, 1);
    let mut request = job.request.request.clone();
    request.nonce = number.to_string();
    let request = bacalhau_job::SignedRequest::sign(request, key(201).keypair()).unwrap();
    AnnouncedJob { id: bacalhau_job::JobId::of(&request, &peer(REQUESTER)), request, ..job }
}

/// The attack: the last bidder knows the names of the others, and chooses its own.
#[test]
fn the_last_bidder_cannot_choose_a_name_that_wins() {
    const JOBS: u32 = 60;
    let (mut fast, mut fair) = (0, 0);
    for number in 0..JOBS {
        let job = numbered(number, DrawMode::Fast);
        let mut bidders: Vec<PeerId> = (0..6).map(peer).collect();
        let wins = |name: u8| {
            bidders.push(peer(name));
            let order = draw(&job.id, 0, 1, &bidders);
            bidders.pop();
            order[..3].contains(&peer(name))
        };
        let name = (10..200).find({
            let mut wins = wins;
            move |name| wins(*name)
        });
        let name = name.unwrap();
        let mut world = World::new(job);
        world.bids(0..6);
        world.bid(name);
        fast += u32::from(world.runners().contains(&peer(name)));

        let mut world = World::new(numbered(number, DrawMode::Fair));
        world.bids(0..6);
        world.bid(name);
        world.wait(WINDOW_MS);
        (0..6).chain([name]).for_each(|number| drop(world.reveal(number, 1)));
        fair += u32::from(world.runners().contains(&peer(name)));
    }
    assert_eq!(fast, JOBS, "in a fast draw it always wins");
    // Three of seven: 25.7 of 60. Outside of this once in a million times.
    assert!((8..=44).contains(&fair), "in a fair draw by chance only: {fair} of {JOBS}");
}

#[test]
fn the_fastest_bidders_do_not_always_win() {
    const JOBS: u32 = 40;
    let mut won = 0;
    for number in 0..JOBS {
        let mut world = World::new(numbered(number, DrawMode::Fair));
        world.bids(0..7);
        world.wait(1_000);
        world.bids(7..14);
        world.wait(1_000);
        (0..14).for_each(|number| drop(world.reveal(number, 1)));
        let fast: BTreeSet<PeerId> = (0..7).map(peer).collect();
        won += world.runners().intersection(&fast).count();
    }
    // Half of 120. Outside of this once in a million times.
    assert!((33..=87).contains(&won), "{won} of 120");
}

#[test]
fn whatever_is_changed_in_a_record_its_draw_does_not_repeat() {
    let mut world = World::drawn(3, 0..7);
    world.fails(2);
    (0..7).for_each(|number| drop(world.reveal(number, 2)));
    let record = world.record().clone();
    assert_eq!(repeat(&record).unwrap().len(), 2);
    let changes: [(&str, Change); 12] = [
        ("was drawn", |record| record.shards[0].executions.swap(0, 2)),
        ("execution 1 is of", |record| {
            let bid = record.shards[0].bids.iter().find(|bid| bid.accepted != Some(true)).unwrap().peer;
            record.shards[0].executions[0].peer = bid;
        }),
        ("execution 4 was not drawn", |record| drop(record.shards[0].draws.pop())),
        ("its executions do not follow those of earlier draws", |record| {
            record.shards[0].draws[0].executions.swap(0, 1);
        }),
        ("the set of bidders is not the one that was signed", |record| {
            drop(record.fair.as_mut().unwrap().rounds[0].set.pop());
        }),
        ("the commitment is not signed by the requester", |record| {
            let round = &mut record.fair.as_mut().unwrap().rounds[0];
            drop(round.set.pop());
            let (root, commitment) = (bacalhau_job::FairRound::tree(&round.set).root(), &mut round.signed.commitment);
            (commitment.bidders, commitment.root) = (commitment.bidders - 1, root);
        }),
        ("the secret of the requester", |record| {
            let secret = record.fair.as_mut().unwrap().rounds[0].secret.as_mut().unwrap();
            secret.value = Hash256::of(&[b"another"]);
        }),
        ("the secret of", |record| {
            let reveals = &mut record.fair.as_mut().unwrap().rounds[0].reveals;
            reveals[0].secret = reveals[1].secret.clone();
        }),
        ("bidders took part", |record| drop(record.fair.as_mut().unwrap().rounds[0].reveals.pop())),
        ("the requester was bound to another secret", |record| {
            record.job.fair.as_mut().unwrap().commit = Hash256::of(&[b"another"]);
        }),
        ("disagree about whether the draw is fair", |record| record.job.fair = None),
        ("it has no commitment", |record| record.shards[0].draws[0].fair = None),
    ];
    for (expected, change) in changes {
        let mut changed = record.clone();
        change(&mut changed);
        let why = repeat(&changed).unwrap_err().to_string();
        assert!(why.contains(expected), "{expected}: {why}");
    }
    let mut fast = World::new(job(3, 0, 7));
    fast.bids(0..7);
    let mut record = fast.record().clone();
    record.shards[0].executions.swap(0, 2);
    assert!(repeat(&record).unwrap_err().to_string().contains("is not in the order of the draw"));
}

/// A chain whose key these tests have.
pub(super) fn fake_chain() -> (BeaconChain, blst::min_sig::SecretKey) {
    let key = blst::min_sig::SecretKey::key_gen(&[7; 32], &[]).unwrap();
    let public_key = Hex(&key.sk_to_pk().compress()).to_string();
    let genesis_seconds = START_MS / 1000 - 100;
    let group_hash = Hash256::of(&[b"group"]);
    (BeaconChain { public_key, period_seconds: 3, genesis_seconds, group_hash, beacon_id: "fake".into() }, key)
}

pub(super) fn sign_round(key: &blst::min_sig::SecretKey, round: u64) -> String {
    let message = Hash256::of(&[&round.to_be_bytes()]);
    let domain = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
    Hex(&key.sign(message.as_bytes(), domain, &[]).compress()).to_string()
}
