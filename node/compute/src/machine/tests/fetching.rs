//! Jobs that are announced without their spec: fetched before a bid, or after its acceptance where they are private.

use super::*;
use crate::Task;
use bacalhau_job::{Announced, JobBrief};

/// The brief of `job`, which is made private if `private`.
fn brief_of(job: &mut Arc<AnnouncedJob>, private: bool) -> Arc<JobBrief> {
    let changed = Arc::make_mut(job);
    changed.request.request.spec.private = private;
    changed.request.request.spec.resources = amount(NEED);
    let Engine::Wasm(wasm) = &mut changed.request.request.spec.engine else { panic!("it is for the sandbox") };
    wasm.job.limits.memory_bytes = NEED;
    changed.id = JobId::of(&changed.request, &changed.requester.peer);
    Arc::new(JobBrief::of(job, &job.to_dag_cbor()))
}

fn in_brief(brief: &Arc<JobBrief>) -> Input {
    Input::Announced { job: Announced::Brief(Arc::clone(brief)), versions: versions() }
}

fn fetched(brief: &Arc<JobBrief>, job: &Arc<AnnouncedJob>) -> Input {
    Input::Fetched { brief: Arc::clone(brief), result: Ok(Arc::clone(job)) }
}

fn failed(brief: &Arc<JobBrief>) -> Input {
    Input::Fetched { brief: Arc::clone(brief), result: Err("it answers something else".into()) }
}

/// Why the last job was not bid on.
fn declined(provider: &mut Compute) -> Declined {
    let news = provider.take_news();
    let declined = news.into_iter().rev().find_map(|news| match news {
        News::NoBid { declined, .. } => Some(declined),
        _ => None,
    });
    declined.expect("a job is not bid on")
}

#[test]
fn the_spec_of_a_public_job_is_fetched_once_and_then_it_is_a_job_as_any_other() {
    let (mut provider, mut job) = (provider(), job(peer(), 1));
    let brief = brief_of(&mut job, false);
    assert_eq!(provider.handle(0, in_brief(&brief)), [Effect::Task(Task::Fetch(Arc::clone(&brief)))]);
    assert_eq!(provider.handle(1, in_brief(&brief)), [], "it is under way");
    assert_eq!(provider.handle(2, fetched(&brief, &job)), [Effect::Task(Task::Assess(Arc::clone(&job).into()))]);
    assert_eq!(bids(&provider.handle(3, assessed(&job, NEED))), [0]);
    assert_eq!(provider.handle(4, in_brief(&brief)), [], "what is known is not fetched again");
    let effects = provider.handle(5, accept(&job, 0, 1));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Task(Task::Run { .. }))), "{effects:?}");
}

#[test]
fn a_spec_that_does_not_come_is_no_bid_with_a_reason_and_asked_for_again() {
    let (mut provider, mut job) = (provider(), job(peer(), 1));
    let brief = brief_of(&mut job, false);
    provider.handle(0, in_brief(&brief));
    assert_eq!(provider.handle(1, failed(&brief)), []);
    let no = declined(&mut provider);
    assert_eq!(no.reason, DeclineReason::Other);
    assert!(no.why.contains("could not be fetched from its requester: it answers something else"), "{}", no.why);
    assert_eq!(provider.handle(2, in_brief(&brief)), [Effect::Task(Task::Fetch(brief))]);
}

#[test]
fn what_this_node_could_not_run_is_not_fetched() {
    let (mut provider, mut job) = (provider(), job(peer(), 1));
    let brief = brief_of(&mut job, false);
    let large = JobBrief { resources: amount(100 * NEED), ..brief.as_ref().clone() };
    assert_eq!(provider.handle(0, in_brief(&Arc::new(large))), []);
    assert_eq!(declined(&mut provider).reason, DeclineReason::TooLarge);
    let other = JobBrief { profile: Link::of_raw(b"another"), ..brief.as_ref().clone() };
    assert_eq!(provider.handle(0, in_brief(&Arc::new(other))), []);
    assert_eq!(declined(&mut provider).reason, DeclineReason::NoEngine);
}

#[test]
fn bytes_on_their_way_are_bounded_for_a_requester_and_in_all() {
    let config = ComputeConfig { fetches: FetchLimits { total_bytes: 5 << 20, requester_bytes: 2 << 20 }, ..config() };
    let mut provider = Compute::new(peer(), versions(), config, Arc::new(Open::default()));
    let briefs = |requester: PeerId| {
        (0..4).map(move |_| {
            let mut job = job(requester, 1);
            let brief = brief_of(&mut job, false);
            Arc::new(JobBrief { size: 1 << 20, ..brief.as_ref().clone() })
        })
    };
    let mut first = None;
    for expected in [2, 2, 1] {
        let briefs: Vec<_> = briefs(peer()).collect();
        let fetches = briefs.iter().filter(|brief| !provider.handle(0, in_brief(brief)).is_empty()).count();
        assert_eq!(fetches, expected);
        first.get_or_insert(briefs);
    }
    assert!(declined(&mut provider).why.contains("5242880 bytes of specs of all requesters"));
    let first = first.unwrap();
    provider.handle(1, failed(&first[0]));
    assert_eq!(provider.handle(2, in_brief(&first[2])).len(), 1, "what has ended makes room");
}

#[test]
fn nobody_keeps_a_job_away_by_announcing_another_under_its_name() {
    let (mut provider, mut mine) = (provider(), job(peer(), 1));
    let brief = brief_of(&mut mine, false);
    let thief = JobBrief { requester: job(peer(), 1).requester.clone(), ..brief.as_ref().clone() };
    let thief = Arc::new(thief);
    assert_eq!(provider.handle(0, in_brief(&thief)).len(), 1);
    assert_eq!(provider.handle(1, in_brief(&brief)), [Effect::Task(Task::Fetch(Arc::clone(&brief)))]);
    assert_eq!(provider.handle(2, fetched(&brief, &mine)), [Effect::Task(Task::Assess(Arc::clone(&mine).into()))]);
    provider.handle(3, failed(&thief));
    assert_eq!(bids(&provider.handle(4, assessed(&mine, NEED))), [0]);
}

/// A provider whose bid on a private job was accepted.
fn accepted() -> (Compute, Arc<AnnouncedJob>, Arc<JobBrief>) {
    let (mut provider, mut job) = (provider(), job(peer(), 1));
    let brief = brief_of(&mut job, true);
    let assess = Effect::Task(Task::Assess(Announced::Brief(Arc::clone(&brief))));
    assert_eq!(provider.handle(0, in_brief(&brief)), [assess], "capacity is judged by the brief");
    assert_eq!(bids(&provider.handle(1, assessed(&job, NEED))), [0]);
    let effects = provider.handle(2, accept(&job, 0, 1));
    assert!(effects.contains(&Effect::Task(Task::Fetch(Arc::clone(&brief)))), "{effects:?}");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Task(Task::Run { .. }))), "{effects:?}");
    (provider, job, brief)
}

fn runs(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Task(Task::Run { .. })))
}

/// Why the only execution of `job` was given back, as its requester hears.
fn given_back(job: &AnnouncedJob, effects: &[Effect]) -> String {
    let [Message::Failed(failed)] = &sent(job, effects)[..] else { panic!("{effects:?}") };
    assert_eq!(failed.kind, FailureKind::Withdrawn);
    failed.why.clone()
}

#[test]
fn a_private_job_is_fetched_when_its_bid_is_accepted_assessed_and_then_run() {
    let (mut provider, job, brief) = accepted();
    assert_eq!(provider.handle(3, fetched(&brief, &job)), [Effect::Task(Task::Assess(Arc::clone(&job).into()))]);
    assert!(runs(&provider.handle(4, assessed(&job, NEED))));
    let effects = provider.handle(5, ran(job.id.execution(0, 1)));
    assert!(matches!(&sent(&job, &effects)[..], [Message::Proposal(_)]), "{effects:?}");
}

#[test]
fn a_private_job_that_the_policy_does_not_take_is_given_back() {
    let (mut provider, job, brief) = accepted();
    provider.handle(3, fetched(&brief, &job));
    let no = Declined::new(DeclineReason::NoInput, "ipfs://x is not on this machine");
    let effects = provider.handle(4, Input::Assessed { job: job.id, result: Err(no) });
    assert!(given_back(&job, &effects).contains("is not on this machine"));
    assert!(!runs(&effects));
    assert_eq!(provider.ledger.reserved(), amount(0));
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn a_private_job_that_takes_more_than_was_announced_runs_only_where_there_is_room() {
    let (mut provider, job, brief) = accepted();
    provider.handle(3, fetched(&brief, &job));
    assert!(runs(&provider.handle(4, assessed(&job, 2 * NEED))));
    assert_eq!(provider.ledger.reserved(), amount(2 * NEED));
    let (mut provider, job, brief) = accepted();
    provider.handle(3, fetched(&brief, &job));
    let effects = provider.handle(4, assessed(&job, 3 * NEED));
    assert!(given_back(&job, &effects).contains("more than is free"));
}

#[test]
fn what_is_cancelled_while_its_spec_is_fetched_holds_nothing() {
    let (mut provider, job, brief) = accepted();
    let cancel = Message::Cancel(Cancel { job: job.id, shard: None, why: String::new() });
    provider.handle(3, says(job.requester.peer, cancel));
    assert_nothing_left(&mut provider, &job);
    assert_eq!(provider.handle(4, fetched(&brief, &job)), []);
}

#[test]
fn a_private_spec_that_does_not_come_is_asked_for_three_times() {
    let (mut provider, job, brief) = accepted();
    for now in [3, 4] {
        assert_eq!(provider.handle(now, failed(&brief)), [Effect::Task(Task::Fetch(Arc::clone(&brief)))]);
    }
    let effects = provider.handle(5, failed(&brief));
    assert!(given_back(&job, &effects).contains("could not be fetched"));
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn a_private_job_is_fetched_again_after_a_restart() {
    let (provider, job, brief) = accepted();
    let record = provider.record(&job.id).expect("an accepted execution is kept");
    let mut again = Compute::new(peer(), versions(), config(), Arc::new(Open::default()));
    let effects = again.restore(10, vec![record]).unwrap();
    assert!(effects.contains(&Effect::Task(Task::Fetch(Arc::clone(&brief)))), "{effects:?}");
    again.handle(11, fetched(&brief, &job));
    // Not assessed yet, so it is not run as it is.
    let record = again.record(&job.id).unwrap();
    let mut third = Compute::new(peer(), versions(), config(), Arc::new(Open::default()));
    let effects = third.restore(12, vec![record]).unwrap();
    assert!(effects.contains(&Effect::Task(Task::Fetch(Arc::clone(&brief)))) && !runs(&effects), "{effects:?}");
    assert!(runs(&again.handle(13, assessed(&job, NEED))));
    let record = again.record(&job.id).unwrap();
    let mut fourth = Compute::new(peer(), versions(), config(), Arc::new(Open::default()));
    assert!(runs(&fourth.restore(14, vec![record]).unwrap()), "it has been assessed");
}
