//! Capacity: reserved by bids, given back in every path, and then offered to who waits.

use super::*;

/// A provider with room for 10, and jobs of so much.
fn provider_of_ten(needs: &[u64]) -> (Compute, Vec<Arc<AnnouncedJob>>, Vec<usize>) {
    let total = amount(10);
    let config = ComputeConfig { total, per_job: total, assessing: 100, ..config() };
    let mut provider = Compute::new(peer(), versions(), config, Arc::new(Open::default()));
    let jobs: Vec<Arc<AnnouncedJob>> = needs.iter().map(|_| job(peer(), 1)).collect();
    let mut first = Vec::new();
    for (index, (job, need)) in jobs.iter().zip(needs).enumerate() {
        provider.handle(0, announced(job));
        if bids(&provider.handle(0, assessed(job, *need))) == [0] {
            first.push(index);
        }
    }
    (provider, jobs, first)
}

/// Which jobs are offered for when `done` are rejected.
fn after_rejection(provider: &mut Compute, jobs: &[Arc<AnnouncedJob>], done: &[usize]) -> Vec<usize> {
    let mut offered = Vec::new();
    for index in done {
        let job = &jobs[*index];
        let reject = Message::Reject(Reject { job: job.id, shards: vec![0] });
        for effect in provider.handle(1, says(job.requester.peer, reject)) {
            if let Effect::Send { message: Message::Bid(bid), .. } = effect {
                offered.extend(jobs.iter().position(|job| job.id == bid.job));
            }
        }
    }
    offered
}

#[test]
fn jobs_wait_their_turn_and_smaller_ones_may_overtake() {
    let (mut provider, jobs, first) = provider_of_ten(&[5, 5, 5, 5]);
    assert_eq!(first, [0, 1]);
    assert_eq!(after_rejection(&mut provider, &jobs, &[0, 1]), [2, 3]);
    let (mut provider, jobs, first) = provider_of_ten(&[4, 4, 10]);
    assert_eq!(first, [0, 1]);
    assert_eq!(after_rejection(&mut provider, &jobs, &[0]), [0_usize; 0]);
    assert_eq!(after_rejection(&mut provider, &jobs, &[1]), [2]);
    let (mut provider, jobs, first) = provider_of_ten(&[9, 5, 1]);
    assert_eq!(first, [0, 2]);
    assert_eq!(after_rejection(&mut provider, &jobs, &[0]), [1]);
}

#[test]
fn what_never_fits_is_not_offered_for() {
    let (provider, _, first) = provider_of_ten(&[11]);
    assert_eq!(first, [0_usize; 0]);
    assert_eq!(provider.deadline(), None, "it is forgotten");
}

#[test]
fn shards_are_offered_for_as_room_comes_while_the_bidding_lasts() {
    let (mut provider, job) = (provider(), job(peer(), 5));
    let requester = job.requester.peer;
    provider.handle(0, announced(&job));
    assert_eq!(bids(&provider.handle(0, assessed(&job, NEED))), [0, 1]);
    let reject = |shard| says(requester, Message::Reject(Reject { job: job.id, shards: vec![shard] }));
    assert_eq!(bids(&provider.handle(1, reject(0))), [2]);
    provider.handle(1, accept(&job, 1, 1));
    assert_eq!(bids(&provider.handle(2, ran(job.id.execution(1, 1)))), [3], "the program has ended, its core is free");
    assert_eq!(bids(&provider.handle(30_000, reject(2))), [0_u32; 0], "the bidding is over");
    let effects = provider.handle(35_000, Input::Tick);
    assert_eq!(effects, [], "nobody answers any more");
    assert_eq!(provider.ledger.reserved(), Resources { disk_bytes: NEED, ..amount(0) });
    assert_eq!(bids(&provider.handle(36_000, announced(&job))), [0, 2], "asked for again, except for what ran here");
}

#[test]
fn the_requesters_clock_and_patience_are_not_believed() {
    let (mut provider, job) = (provider(), job(peer(), 1));
    let mut endless = AnnouncedJob::clone(&job);
    endless.created_ms = u64::MAX;
    endless.bidding_ms = u64::MAX;
    let endless = Arc::new(endless);
    provider.handle(1_000, announced(&endless));
    assert_eq!(bids(&provider.handle(1_000, assessed(&endless, NEED))), [0]);
    assert!(provider.deadline().unwrap() < 3_600_000);
    provider.handle(3_600_000, Input::Tick);
    assert_nothing_left(&mut provider, &endless);
}

#[test]
fn a_bid_that_is_rejected_undelivered_or_too_old_holds_nothing() {
    type End = fn(&AnnouncedJob) -> (u64, Input);
    let ends: [End; 4] = [
        |job| (1, says(job.requester.peer, Message::Reject(Reject { job: job.id, shards: vec![0, 9] }))),
        |job| {
            let message =
                Message::Bid(Bid { job: job.id, shards: vec![0, 9], versions: versions(), claim: None, commit: None });
            (1, Input::Undelivered { to: job.requester.peer, message, refusal: None })
        },
        |_| (35_000, Input::Tick),
        |job| {
            let cancel = Cancel { job: job.id, shard: None, why: "taken back".into() };
            (1, says(job.requester.peer, Message::Cancel(cancel)))
        },
    ];
    for end in ends {
        let (mut provider, job) = after_bid();
        assert_eq!(provider.ledger.reserved(), amount(NEED));
        let (now, input) = end(&job);
        assert_eq!(provider.handle(now, input), []);
        assert_nothing_left(&mut provider, &job);
    }
}
