//! Executions from their bid to their end.

use super::*;

#[test]
fn a_job_is_run_proposed_published_and_let_go() {
    let (mut provider, job, execution, proposal) = after_proposal();
    let Message::Proposal(proposal) = proposal else { unreachable!() };
    let ballot = Open::default().open(&proposal.sealed).unwrap();
    assert_eq!((ballot.execution, ballot.provider), (execution, provider.me));
    assert_eq!((ballot.requester, ballot.h1.as_str(), ballot.fuel), (job.requester.peer, "h1:result", 7));
    assert_eq!(provider.ledger.reserved(), Resources { disk_bytes: NEED, ..amount(0) }, "its files are still there");

    let requester = job.requester.peer;
    let notice = VerdictNotice { execution, won: true, publish: false, evidence: true };
    let messages = sent(&job, &provider.handle(3, says(requester, Message::Verdict(notice))));
    let [Message::Evidence(evidence)] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(evidence.receipt.as_ref().unwrap().claim.h1, "h1:result");

    let publish = [Effect::Task(Task::Publish { execution, job: Arc::clone(&job), h1: "h1:result".into() })];
    assert_eq!(provider.handle(4, says(requester, verdict(execution, true, true))), publish);
    assert_eq!(provider.handle(4, says(requester, verdict(execution, true, true))), [], "it is being done");
    assert_eq!(provider.running(), 0);
    assert!(provider.hands_over(|to| *to == requester) && !provider.hands_over(|to| *to != requester));
    let delivery = Delivery::Directory("/results".into());
    let done = Input::Published { execution, result: Ok((delivery.clone(), Vec::new())) };
    let published = sent(&job, &provider.handle(5, done));
    let [Message::Published(message)] = &published[..] else { panic!("{published:?}") };
    assert_eq!(message.delivery, Ok(delivery));
    assert_eq!(sent(&job, &provider.handle(6, says(requester, verdict(execution, true, true)))), published);

    let collected = says(requester, Message::Collected(Collected { execution }));
    assert_eq!(provider.handle(7, collected), [Effect::Task(Task::Discard(execution))]);
    assert_nothing_left(&mut provider, &job);
    assert_eq!(provider.handle(8, announced(&job)), [], "it was run here");
}

#[test]
fn losers_never_publish() {
    let (mut provider, job, execution, _) = after_proposal();
    let effects = provider.handle(3, says(job.requester.peer, verdict(execution, false, true)));
    assert_eq!(effects, [Effect::Task(Task::Discard(execution))]);
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn what_nobody_is_to_publish_is_said_and_kept_until_it_is_cancelled() {
    let (mut provider, job, execution, _) = after_proposal();
    let requester = job.requester.peer;
    provider.handle(3, says(requester, verdict(execution, true, true)));
    let failed = Input::Published { execution, result: Err("the disk is full".into()) };
    let messages = sent(&job, &provider.handle(4, failed));
    let [Message::Published(published)] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(published.delivery, Err("the disk is full".into()));
    let cancel = Message::Cancel(Cancel { job: job.id, shard: None, why: "another one did".into() });
    assert_eq!(provider.handle(5, says(requester, cancel)), [Effect::Task(Task::Discard(execution))]);
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn a_failure_is_said_and_nothing_stays() {
    let (mut provider, job, execution) = while_it_runs();
    let failed = Input::Ran { execution, result: Err((FailureKind::Host, "the disk is full".into())) };
    let effects = provider.handle(2, failed);
    let messages = sent(&job, &effects);
    let [Message::Failed(failed)] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((failed.kind, failed.why.as_str()), (FailureKind::Host, "the disk is full"));
    assert!(effects.contains(&Effect::Task(Task::Discard(execution))));
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn only_the_jobs_requester_is_obeyed() {
    let stranger = peer();
    let orders = |job: &AnnouncedJob| {
        let execution = job.id.execution(0, 1);
        [
            Message::Accept(Accept::new(execution, 60_000)),
            Message::Accept(Accept::new(job.id.execution(0, 2), 1)),
            Message::Reject(Reject { job: job.id, shards: vec![0] }),
            Message::Cancel(Cancel { job: job.id, shard: None, why: String::new() }),
            verdict(execution, true, true),
            verdict(execution, false, false),
            Message::Collected(Collected { execution }),
        ]
    };
    let (mut bidder, bid_for) = after_bid();
    let (mut runner, runs, _) = while_it_runs();
    let (mut proposer, proposed, _, _) = after_proposal();
    for (provider, job) in [(&mut bidder, bid_for), (&mut runner, runs), (&mut proposer, proposed)] {
        let before = provider.record(&job.id);
        assert!(before.is_some());
        for order in orders(&job) {
            assert_eq!(provider.handle(3, says(stranger, order)), []);
        }
        assert_eq!(provider.record(&job.id), before);
    }
}

#[test]
fn what_is_not_for_this_node_is_not_looked_at() {
    let job = job(peer(), 1);
    let other_protocol = Versions { protocol: PROTOCOL_VERSION + 1, ..versions() };
    let heard = Input::Announced { job: Arc::clone(&job).into(), versions: other_protocol };
    assert_eq!(provider().handle(0, heard), []);
    let old = Versions { profiles: vec![Link::of_raw(b"other rules")], ..versions() };
    let mut runs_old = Compute::new(peer(), old, config(), Arc::new(Open::default()));
    assert_eq!(runs_old.handle(0, announced(&job)), [], "it could not run it bit-exactly");
    let mut none = Compute::new(peer(), versions(), ComputeConfig { jobs: 0, ..config() }, Arc::new(Open::default()));
    assert_eq!(none.handle(0, announced(&job)), []);
    let mut provider = provider();
    assert_eq!(provider.handle(0, announced(&job)).len(), 1);
    assert_eq!(provider.handle(0, announced(&job)), [], "it is known");
    let refused = Input::Assessed { job: job.id, result: Err(Declined::new(DeclineReason::NoInput, "not my data")) };
    assert_eq!(provider.handle(0, refused), []);
    assert_eq!(provider.deadline(), None);
    assert_eq!(provider.handle(0, announced(&job)).len(), 1, "it may fit the next time");
}

#[test]
fn so_many_jobs_are_assessed_at_once_and_the_rest_in_order() {
    let mut provider = provider();
    let jobs = [job(peer(), 1), job(peer(), 1), job(peer(), 1), job(peer(), 1)];
    let asked: Vec<Effect> = jobs.iter().flat_map(|job| provider.handle(0, announced(job))).collect();
    assert_eq!(
        asked,
        [
            Effect::Task(Task::Assess(Arc::clone(&jobs[0]).into())),
            Effect::Task(Task::Assess(Arc::clone(&jobs[1]).into()))
        ]
    );
    let no =
        |job: &AnnouncedJob| Input::Assessed { job: job.id, result: Err(Declined::new(DeclineReason::Policy, "no")) };
    assert_eq!(provider.handle(1, no(&jobs[1])), [Effect::Task(Task::Assess(Arc::clone(&jobs[2]).into()))]);
    // A job whose bidding ended meanwhile needs no assessment, and its late answer changes nothing.
    assert_eq!(provider.handle(40_000, Input::Tick), []);
    assert_eq!(provider.handle(40_000, no(&jobs[0])), []);
    assert_eq!(provider.handle(40_000, assessed(&jobs[2], NEED)), []);
    assert!(provider.assessing.is_empty());
}

#[test]
fn one_shard_is_never_run_twice() {
    let (mut provider, job, execution) = while_it_runs();
    let again = provider.handle(2, accept(&job, 0, 1));
    assert_eq!(sent(&job, &again), [Message::Running(Running { execution })]);
    assert_eq!(again.len(), 1, "it is not run again");
    let refusal = |effects: &[Effect]| match &sent(&job, effects)[..] {
        [Message::Failed(failed)] if effects.len() == 1 => (failed.execution.number, failed.kind),
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(&provider.handle(2, accept(&job, 0, 2))), (2, FailureKind::Withdrawn));
    let proposal = sent(&job, &provider.handle(3, ran(execution)));
    assert_eq!(refusal(&provider.handle(4, accept(&job, 0, 2))), (2, FailureKind::Withdrawn));
    assert_eq!(sent(&job, &provider.handle(5, accept(&job, 0, 1))), proposal, "the same bytes");
    assert_eq!(provider.handle(6, ran(execution)), [], "one proposal, whatever a second run says");
    provider.handle(7, says(job.requester.peer, verdict(execution, false, false)));
    assert_eq!(refusal(&provider.handle(8, accept(&job, 0, 3))), (3, FailureKind::Withdrawn));
    assert_eq!(refusal(&provider.handle(8, accept(&job, 7, 1))), (1, FailureKind::Withdrawn), "no such shard");
}

#[test]
fn heartbeats_come_at_a_third_of_the_silence_that_the_requester_allows_within_bounds() {
    let every = |silence_ms| {
        let (mut provider, job) = after_bid();
        let execution = job.id.execution(0, 1);
        let accept = Message::Accept(Accept { execution, silence_ms });
        let effects = provider.handle(1, says(job.requester.peer, accept));
        heartbeats(&effects)
    };
    assert_eq!(every(None), [Some(20_000)], "a requester that does not say so");
    assert_eq!(every(Some(15_000)), [Some(5_000)]);
    // No requester has thousands of them sent in a second, or none.
    assert_eq!(every(Some(0)), [Some(1_000)]);
    assert_eq!(every(Some(u64::MAX)), [Some(300_000)]);
}

#[test]
fn heartbeats_follow_the_requester_survive_a_restart_and_end_with_the_run() {
    let (mut provider, job, execution) = while_it_runs();
    let again = |silence_ms| says(job.requester.peer, Message::Accept(Accept { execution, silence_ms }));
    assert_eq!(heartbeats(&provider.handle(2, again(None))), []);
    assert_eq!(heartbeats(&provider.handle(3, again(Some(30_000)))), [Some(10_000)], "it was started again");
    let record = provider.record(&job.id).unwrap();
    let mut next = Compute::new(provider.me, versions(), config(), Arc::new(Open::default()));
    assert_eq!(heartbeats(&next.restore(4, vec![record]).unwrap()), [Some(10_000)]);
    assert_eq!(heartbeats(&next.handle(5, ran(execution))), [None]);
}

#[test]
fn a_record_without_the_silence_is_read_as_one_of_the_default() {
    let (provider, job, _) = while_it_runs();
    let record = provider.record(&job.id).unwrap();
    assert!(!record.windows(10).any(|word| word == b"silence_ms"), "older programs read it");
    let mut next = Compute::new(provider.me, versions(), config(), Arc::new(Open::default()));
    assert_eq!(heartbeats(&next.restore(4, vec![record]).unwrap()), [Some(20_000)]);
}

#[test]
fn a_cancelled_run_is_stopped_and_leaves_nothing() {
    let (mut provider, job, execution) = while_it_runs();
    let cancel = Message::Cancel(Cancel { job: job.id, shard: None, why: "no need".into() });
    let effects = provider.handle(2, says(job.requester.peer, cancel));
    assert_eq!(
        effects,
        [Effect::Task(Task::Stop(execution)), Effect::Task(Task::Discard(execution)), Effect::StopHeartbeat(execution)]
    );
    assert_eq!(provider.ledger.reserved(), amount(NEED), "it has not ended yet");
    assert_eq!(
        provider.handle(3, ran(execution)),
        [Effect::Task(Task::Discard(execution))],
        "what it left is nobody's"
    );
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn a_verdict_that_fell_without_it_ends_a_run() {
    let (mut provider, job, execution) = while_it_runs();
    let effects = provider.handle(2, says(job.requester.peer, verdict(execution, false, false)));
    assert_eq!(
        effects,
        [Effect::Task(Task::Stop(execution)), Effect::Task(Task::Discard(execution)), Effect::StopHeartbeat(execution)]
    );
    assert_eq!(provider.ledger.reserved(), amount(NEED), "it has not ended yet");
    assert_eq!(provider.handle(3, stopped(execution)), [Effect::Task(Task::Discard(execution))]);
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn one_shard_is_cancelled_and_the_other_goes_on() {
    let (mut provider, job) = (provider(), job(peer(), 2));
    provider.handle(0, announced(&job));
    assert_eq!(bids(&provider.handle(0, assessed(&job, NEED))), [0, 1]);
    provider.handle(1, accept(&job, 0, 1));
    provider.handle(1, accept(&job, 1, 1));
    let cancel = Message::Cancel(Cancel { job: job.id, shard: Some(1), why: "no need".into() });
    let stopped = job.id.execution(1, 1);
    let effects = provider.handle(2, says(job.requester.peer, cancel));
    assert_eq!(
        effects,
        [Effect::Task(Task::Stop(stopped)), Effect::Task(Task::Discard(stopped)), Effect::StopHeartbeat(stopped)]
    );
    assert_eq!(provider.ledger.reserved(), amount(2 * NEED), "it has not ended yet");
    provider.handle(2, self::stopped(stopped));
    assert_eq!(provider.ledger.reserved(), amount(NEED));
    assert_eq!(sent(&job, &provider.handle(3, ran(job.id.execution(0, 1)))).len(), 1);
}

#[test]
fn results_that_nobody_asks_for_are_kept_for_a_while() {
    let (mut provider, job, execution, _) = after_proposal();
    assert_eq!(provider.deadline(), Some(35_000), "the bidding of the job is looked at once");
    assert_eq!(provider.handle(1_000_001, Input::Tick), []);
    assert_eq!(provider.handle(1_000_002, Input::Tick), [Effect::Task(Task::Discard(execution))]);
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn a_draining_node_takes_bids_back_and_finishes_what_runs() {
    let (mut provider, job) = (provider(), job(peer(), 3));
    provider.handle(0, announced(&job));
    provider.handle(0, assessed(&job, NEED));
    provider.handle(1, accept(&job, 0, 1));
    let messages = sent(&job, &provider.handle(2, Input::Drain));
    let [Message::Withdraw(withdraw)] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(withdraw.shards, [1]);
    assert_eq!(provider.running(), 1);
    let refused = sent(&job, &provider.handle(3, accept(&job, 1, 1)));
    assert!(matches!(&refused[..], [Message::Failed(failed)] if failed.kind == FailureKind::Withdrawn));
    assert_eq!(provider.handle(3, announced(&job)), []);
    let execution = job.id.execution(0, 1);
    assert_eq!(sent(&job, &provider.handle(4, ran(execution))).len(), 1);
    provider.handle(5, says(job.requester.peer, verdict(execution, false, false)));
    assert!(is_idle(&provider));
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn a_receipt_that_no_message_can_hold_is_left_out() {
    let (mut provider, job, execution) = while_it_runs();
    let Input::Ran { result: Ok(mut large), .. } = ran(execution) else { unreachable!() };
    large.receipt.unclaimed.notes.push("x".repeat(bacalhau_protocol::MAX_MESSAGE_BYTES));
    provider.handle(2, Input::Ran { execution, result: Ok(large) });
    let notice = VerdictNotice { execution, won: true, publish: false, evidence: true };
    let messages = sent(&job, &provider.handle(3, says(job.requester.peer, Message::Verdict(notice))));
    assert!(matches!(&messages[..], [Message::Evidence(evidence)] if evidence.receipt.is_none()));
}
