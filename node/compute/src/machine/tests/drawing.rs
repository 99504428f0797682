//! Fair draws as a bidder sees them: what binds it, when it reveals, and what it makes of a requester that cheats.

use proptest::prelude::*;

use super::super::super::{DrawNews, News};
use super::*;
use bacalhau_job::{
    BeaconChain, BidReceipt, Commitment, FairRound, FairTerms, Hash256, Randomness, Secrets, SetEntry, ShardRuns,
    SignedCommitment, draw::MAX_ROUNDS,
};
use bacalhau_protocol::{Committed, Withdraw};

fn commit() -> Hash256 {
    Hash256::of(&[b"the requester's"])
}

/// A provider that has offered for a job with a fair draw, and by what it is bound.
fn bidder(shards: usize) -> (Compute, Arc<AnnouncedJob>, Hash256) {
    let fair = Some(FairTerms { window_ms: 2_000, commit: commit(), beacon: None });
    let (mut provider, job) = (provider(), Arc::new(AnnouncedJob { fair, ..plain_job(peer(), shards) }));
    provider.handle(0, announced(&job));
    let effects = provider.handle(0, assessed(&job, NEED));
    let [Message::Bid(bid)] = &sent(&job, &effects)[..] else { panic!("{effects:?}") };
    (provider, job, bid.commit.unwrap())
}

fn entry(peer: PeerId, commit: Hash256, shards: &[u32]) -> SetEntry {
    SetEntry { peer, shards: ShardRuns::of(shards.iter().copied()), commit }
}

/// What the requester of `job` says to the bidder at `place` of the set.
fn committed(job: &AnnouncedJob, round: u16, set: &[SetEntry], place: usize) -> Committed {
    let commitment = Commitment {
        job: job.id,
        round,
        shards: ShardRuns::of(0..2),
        bidders: u32::try_from(set.len()).unwrap(),
        root: FairRound::tree(set).root(),
        commit: commit(),
        at_ms: 2_000,
        randomness: Randomness::Reveal,
    };
    let signature = signed(&job.requester.peer, &commitment.text());
    let shards = set[place].shards.clone();
    let place_of = u32::try_from(place).unwrap();
    Committed {
        signed: SignedCommitment { commitment, signature },
        place: place_of,
        shards,
        path: FairRound::tree(set).path(place),
    }
}

fn hear(provider: &mut Compute, job: &AnnouncedJob, committed: Committed) -> Vec<Message> {
    sent(job, &provider.handle(2_001, says(job.requester.peer, Message::Committed(committed))))
}

fn wrong(provider: &mut Compute) -> Vec<DrawNews> {
    let news = provider.take_news().into_iter();
    news.filter_map(|news| if let News::Draw { what, .. } = news { Some(what) } else { None }).collect()
}

#[test]
fn a_bidder_reveals_the_secret_to_which_its_bid_binds_it() {
    let (mut provider, job, commit) = bidder(1);
    let set = [entry(peer(), commit, &[0]), entry(provider.me, commit, &[0]), entry(peer(), commit, &[0])];
    let told = committed(&job, 1, &set, 1);
    let messages = hear(&mut provider, &job, told.clone());
    let [Message::Reveal(reveal)] = &messages[..] else { panic!("{messages:?}") };
    assert!(reveal.secret.is_of(&commit, 1));
    assert_eq!(hear(&mut provider, &job, told.clone()), messages, "the same again");
    // After a restart too, and it knows what it was told.
    let record = provider.record(&job.id).unwrap();
    let mut next = Compute::new(provider.me, versions(), config(), Arc::new(Open::default()));
    next.restore(2_002, vec![record]).unwrap();
    assert_eq!(hear(&mut next, &job, told), messages);
    let other = committed(&job, 1, &set[1..], 0);
    assert!(matches!(&hear(&mut next, &job, other)[..], [Message::Withdraw(_)]));
    assert!(matches!(&wrong(&mut next)[..], [DrawNews::Equivocation(_)]));
}

#[test]
fn two_sets_for_one_draw_are_noticed_and_no_second_secret_is_revealed() {
    let (mut provider, job, commit) = bidder(1);
    let me = entry(provider.me, commit, &[0]);
    let first = committed(&job, 1, &[me.clone(), entry(peer(), commit, &[0])], 0);
    let second = committed(&job, 1, &[me.clone(), entry(peer(), commit, &[0])], 0);
    hear(&mut provider, &job, first.clone());
    let messages = hear(&mut provider, &job, second.clone());
    let [Message::Withdraw(Withdraw { why, .. })] = &messages[..] else { panic!("{messages:?}") };
    assert!(why.contains("the commitment of the draw is invalid"), "{why}");
    let [DrawNews::Equivocation(both)] = &wrong(&mut provider)[..] else { panic!() };
    assert_eq!(**both, (first.signed, second.signed));
}

#[test]
fn a_later_draw_has_another_secret_and_an_earlier_one_none() {
    let (mut provider, job, commit) = bidder(1);
    let set = [entry(provider.me, commit, &[0])];
    let messages = hear(&mut provider, &job, committed(&job, 3, &set, 0));
    let [Message::Reveal(reveal)] = &messages[..] else { panic!("{messages:?}") };
    assert!(reveal.secret.is_of(&commit, 3) && !reveal.secret.is_of(&commit, 1));
    assert_eq!(hear(&mut provider, &job, committed(&job, 2, &set, 0)), []);
}

/// What is wrong with a commitment, and what the bidder says of it.
#[test]
fn a_commitment_that_is_wrong_gets_no_secret() {
    type Change = fn(&mut Committed, PeerId);
    let changes: [(&str, Change); 7] = [
        ("this node's bid is not in the set", |it, _| it.place = 1),
        ("this node's bid is not in the set", |it, _| it.path.clear()),
        ("this node's bid is not in the set", |it, _| it.shards = ShardRuns::of([0])),
        ("is not signed by the requester", |it, _| it.signed.commitment.at_ms += 1),
        ("differs from the commitment in its announcement", |it, _| it.signed.commitment.commit = Hash256::of(&[b"x"])),
        ("invalid draw 65", |it, signer| {
            it.signed.commitment.round = MAX_ROUNDS + 1;
            it.signed.signature = signed(&signer, &it.signed.commitment.text());
        }),
        ("invalid draw 0", |it, signer| {
            it.signed.commitment.round = 0;
            it.signed.signature = signed(&signer, &it.signed.commitment.text());
        }),
    ];
    for (expected, change) in changes {
        let (mut provider, job, commit) = bidder(2);
        let set = [entry(provider.me, commit, &[0, 1]), entry(peer(), commit, &[0])];
        let mut committed = committed(&job, 1, &set, 0);
        change(&mut committed, job.requester.peer);
        let messages = hear(&mut provider, &job, committed);
        assert!(matches!(&messages[..], [Message::Withdraw(_)]), "{expected}: {messages:?}");
        let said = wrong(&mut provider);
        assert!(matches!(&said[..], [DrawNews::Wrong(why, None)] if why.contains(expected)), "{expected}: {said:?}");
        assert_eq!(provider.ledger.reserved(), amount(0));
    }
    let (mut provider, job, commit) = bidder(2);
    let set = [entry(provider.me, commit, &[0])];
    hear(&mut provider, &job, committed(&job, 1, &set, 0));
    let said = wrong(&mut provider);
    assert!(matches!(&said[..], [DrawNews::Wrong(why, _)] if why.contains("bid for shard 1")), "{said:?}");
}

/// A commitment to a set of one bidder, by a round of quicknet.
fn by_beacon(provider: &Compute, job: &AnnouncedJob, commit: Hash256, round: u64) -> Committed {
    let mut committed = committed(job, 1, &[entry(provider.me, commit, &[0])], 0);
    let chain = BeaconChain::quicknet().hash();
    committed.signed.commitment.randomness = Randomness::Beacon { chain, round };
    committed.signed.signature = signed(&job.requester.peer, &committed.signed.commitment.text());
    committed
}

#[test]
fn a_round_of_the_beacon_that_is_known_already_is_refused() {
    let chain = BeaconChain::quicknet();
    let fair = FairTerms { window_ms: 2_000, commit: commit(), beacon: Some(chain.hash()) };
    let now = chain.time_ms(1_000);
    for (round, taken) in [(1_000, false), (1_001, true)] {
        let job = Arc::new(AnnouncedJob { fair: Some(fair.clone()), ..plain_job(peer(), 1) });
        let mut provider = provider();
        provider.handle(now, announced(&job));
        let effects = provider.handle(now, assessed(&job, NEED));
        let [Message::Bid(bid)] = &sent(&job, &effects)[..] else { panic!("{effects:?}") };
        let committed = by_beacon(&provider, &job, bid.commit.unwrap(), round);
        let message = || says(job.requester.peer, Message::Committed(committed.clone()));
        let messages = sent(&job, &provider.handle(now, message()));
        assert_eq!(messages.is_empty(), taken, "{messages:?}");
        let said = wrong(&mut provider);
        assert!(taken || matches!(&said[..], [DrawNews::Wrong(why, _)] if why.contains("round 1000")), "{said:?}");
        // Said again after the round, it is no later one.
        assert_eq!(sent(&job, &provider.handle(now + 60, message())), []);
    }
    // One that uses secrets although the announcement names a beacon.
    let (mut provider, job, commit) = bidder(1);
    let other = by_beacon(&provider, &job, commit, 1_000_000_000);
    let messages = hear(&mut provider, &job, other);
    assert!(matches!(&messages[..], [Message::Withdraw(_)]), "{messages:?}");
}

#[test]
fn a_job_with_a_beacon_that_is_not_known_is_not_bid_on_and_the_reason_is_told() {
    let fair = Some(FairTerms { window_ms: 2_000, commit: commit(), beacon: Some(Hash256::of(&[b"unknown"])) });
    let mut provider = provider();
    assert_eq!(provider.handle(0, announced(&Arc::new(AnnouncedJob { fair, ..plain_job(peer(), 1) }))), []);
    let news = provider.take_news();
    let [News::NoBid { declined, .. }] = &news[..] else { panic!("{news:?}") };
    assert!(declined.why.contains("which this node does not know (set requester.beacon_chain)"), "{}", declined.why);
}

#[test]
fn one_that_is_left_out_holds_the_receipt_for_its_bid() {
    let (mut provider, job, commit) = bidder(1);
    let requester = job.requester.peer;
    let receipt = |received_ms, signer: &PeerId| BidReceipt {
        job: job.id,
        bidder: provider.me,
        commit,
        received_ms,
        signature: signed(signer, &BidReceipt::text(&job.id, &provider.me, &commit, received_ms)),
    };
    let (good, forged) = (receipt(10, &requester), receipt(10, &peer()));
    let foreign = BidReceipt { bidder: peer(), ..good.clone() };
    let reject = || says(requester, Message::Reject(Reject { job: job.id, shards: vec![0] }));
    for nothing in [forged, foreign] {
        provider.handle(11, says(requester, Message::Receipt(nothing)));
    }
    provider.handle(11, says(requester, Message::Receipt(good.clone())));
    provider.handle(12, reject());
    assert_eq!(wrong(&mut provider), [DrawNews::LeftOut(Box::new(good))]);

    // A bid that came after bidding had closed need not be in a draw.
    let (mut provider, job, commit) = bidder(1);
    let text = BidReceipt::text(&job.id, &provider.me, &commit, 2_000);
    let signature = signed(&job.requester.peer, &text);
    let late = BidReceipt { job: job.id, bidder: provider.me, commit, received_ms: 2_000, signature };
    provider.handle(11, says(job.requester.peer, Message::Receipt(late)));
    provider.handle(12, says(job.requester.peer, Message::Reject(Reject { job: job.id, shards: vec![0] })));
    assert_eq!(wrong(&mut provider), []);
}

#[test]
fn jobs_without_a_fair_draw_are_bid_on_without_secrets() {
    let (provider, job) = after_bid();
    assert_eq!(provider.commit(&job.id), None);
}

proptest! {
    /// Whatever set is claimed, a secret is revealed only where the bidder is in it.
    #[test]
    fn no_secret_for_a_set_without_the_bidder(place in 0_usize..5, me in 0_usize..5, hashes in 0_usize..4) {
        let (mut provider, job, commit) = bidder(1);
        let set: Vec<SetEntry> = (0..5)
            .map(|at| entry(if at == me { provider.me } else { peer() }, commit, &[0]))
            .collect();
        let mut committed = committed(&job, 1, &set, place);
        let whole = committed.path.len();
        committed.path.truncate(hashes);
        let revealed = matches!(&hear(&mut provider, &job, committed)[..], [Message::Reveal(_)]);
        prop_assert_eq!(revealed, place == me && hashes >= whole);
        let secrets = Secrets::new(&Secrets::of_bidder(&job.id));
        prop_assert_eq!(secrets.commit(), commit);
    }
}
