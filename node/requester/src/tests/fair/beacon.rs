//! Draws by a beacon.

use super::*;
use crate::Task;

fn asked(effects: &[Effect]) -> Vec<u64> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Task(Task::Beacon { round, .. }) = effect { Some(*round) } else { None })
        .collect()
}

fn by_beacon() -> (World, blst::min_sig::SecretKey) {
    let (chain, key) = fake_chain();
    let config = RequesterConfig { beacon: Some(Arc::new(chain)), ..RequesterConfig::default() };
    let mut world = World::configured(fair(3, 0), config);
    world.bids(0..7);
    (world, key)
}

#[test]
fn the_round_of_a_beacon_that_lies_after_the_commitment_decides() {
    let (mut world, key) = by_beacon();
    let (chain, _) = fake_chain();
    assert_eq!(world.record().job.fair.as_ref().unwrap().beacon, Some(chain.hash()));
    let commitments = committed(&world.wait(WINDOW_MS));
    assert_eq!(commitments.len(), 7);
    let commitment = &commitments[0].1.signed.commitment;
    let Randomness::Beacon { round, .. } = commitment.randomness else { panic!("{commitment:?}") };
    assert!(chain.time_ms(round) > commitment.at_ms + 1_000 && chain.time_ms(round) <= commitment.at_ms + 4_000);
    let until = chain.time_ms(round) - world.now;
    assert_eq!(asked(&world.wait(until)), [0_u64; 0], "not before it is there");
    assert_eq!(asked(&world.wait(300)), [round]);
    // A relay that does not have it yet.
    let answer = |result| Input::Beacon { job: world.job, round, result };
    let (missing, found) = (answer(Err("404".into())), answer(Ok(sign_round(&key, round))));
    assert_eq!(asked(&world.feed(missing)), [0_u64; 0]);
    assert_eq!(asked(&world.wait(1_000)), [round]);
    let effects = world.feed(found);
    assert_eq!(accepted(&effects).len(), 3, "nobody needs to reveal anything");
    let record = world.record().clone();
    assert_eq!(repeat(&record).unwrap()[0].randomness, Some(commitment.randomness.clone()));

    let changes: [(&str, Change); 4] = [
        ("does not verify against the chain's public key", |record| {
            let (_, key) = fake_chain();
            let beacon = record.fair.as_mut().unwrap().rounds[0].beacon.as_mut().unwrap();
            beacon.signature = sign_round(&key, beacon.round + 1);
        }),
        ("is not described", |record| record.fair.as_mut().unwrap().chain = Some(BeaconChain::quicknet())),
        ("its source of randomness differs from the announcement", |record| {
            record.job.fair.as_mut().unwrap().beacon = None;
        }),
        ("its randomness is unknown", |record| record.fair.as_mut().unwrap().rounds[0].beacon = None),
    ];
    for (expected, change) in changes {
        let mut changed = record.clone();
        change(&mut changed);
        let why = repeat(&changed).unwrap_err().to_string();
        assert!(why.contains(expected), "{expected}: {why}");
    }
}

#[test]
fn a_beacon_that_does_not_answer_ends_the_job_with_its_reason() {
    let (mut world, _) = by_beacon();
    let mut effects = world.wait(WINDOW_MS);
    while world.record().ended_ms.is_none() {
        effects.extend(world.wait(1_000));
        for round in asked(&std::mem::take(&mut effects)) {
            let result = Err("relay.example: the signature of round 9 does not verify".into());
            effects.extend(world.feed(Input::Beacon { job: world.job, round, result }));
        }
    }
    assert_eq!(world.shard().state, ShardState::Failed);
    let why = world.shard().why.as_deref().unwrap();
    assert!(why.contains("of the beacon, which cannot be had: relay.example: the signature"), "{why}");
    assert!(world.now - START_MS < 70_000, "{}", world.now - START_MS);
}

#[test]
fn after_a_restart_the_beacon_is_asked_again() {
    let (mut world, key) = by_beacon();
    world.wait(WINDOW_MS + 5_000);
    let mut effects = world.restart();
    assert_eq!(committed(&effects).len(), 7);
    effects.extend(world.wait(1));
    let [round] = asked(&effects)[..] else { panic!("{effects:?}") };
    let effects = world.feed(Input::Beacon { job: world.job, round, result: Ok(sign_round(&key, round)) });
    assert_eq!(accepted(&effects).len(), 3);
    repeat(world.record()).unwrap();
}
