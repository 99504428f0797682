//! Offers that are not answered: they lapse, may be renewed, and never hold more than a share.

use super::*;
use crate::Task;

/// The jobs that are offered for by `effects`.
fn offered(jobs: &[Arc<AnnouncedJob>], effects: &[Effect]) -> Vec<usize> {
    let bid = |effect: &Effect| match effect {
        Effect::Send { message: Message::Bid(bid), .. } => jobs.iter().position(|job| job.id == bid.job),
        _ => None,
    };
    effects.iter().filter_map(bid).collect()
}

fn hear(provider: &mut Compute, now_ms: u64, job: &Arc<AnnouncedJob>, need: u64) -> Vec<Effect> {
    let mut effects = provider.handle(now_ms, announced(job));
    effects.extend(provider.handle(now_ms, assessed(job, need)));
    effects
}

#[test]
fn an_unanswered_offer_gives_its_capacity_to_jobs_of_others() {
    let (mut provider, attacker) = (provider(), peer());
    let jobs = [job(attacker, 1), job(attacker, 1), job(attacker, 1), job(peer(), 1)];
    assert_eq!(offered(&jobs, &hear(&mut provider, 0, &jobs[0], 2 * NEED)), [0]);
    for job in &jobs[1..] {
        assert_eq!(offered(&jobs, &hear(&mut provider, 1, job, 2 * NEED)), [0_usize; 0]);
    }
    assert_eq!(provider.deadline(), Some(15_000));
    assert_eq!(
        offered(&jobs, &provider.handle(15_000, Input::Tick)),
        [3],
        "other jobs of the same requester come last"
    );
    provider.handle(15_001, accept(&jobs[3], 0, 1));
    assert_eq!(provider.running(), 1);
    assert_eq!(offered(&jobs, &provider.handle(15_002, announced(&jobs[0]))), [0_usize; 0], "there is no room");
    let ended = provider.handle(15_003, ran(jobs[3].id.execution(0, 1)));
    assert_eq!(offered(&jobs, &ended), [1], "those that wait come before the one that lapsed");
}

#[test]
fn an_acceptance_after_the_lapse_is_taken_if_there_is_room() {
    let (mut provider, mine) = after_bid();
    provider.handle(20_000, Input::Tick);
    assert_eq!(provider.ledger.reserved(), amount(0));
    let effects = provider.handle(21_000, accept(&mine, 0, 1));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Task(Task::Run { .. }))), "{effects:?}");
    assert_eq!((provider.ledger.reserved(), provider.running()), (amount(NEED), 1));

    let (mut provider, mine) = after_bid();
    provider.handle(20_000, Input::Tick);
    let other = job(peer(), 2);
    assert_eq!(bids(&hear(&mut provider, 20_000, &other, NEED)), [0, 1]);
    let effects = provider.handle(21_000, accept(&mine, 0, 1));
    let [Message::Failed(failed)] = &sent(&mine, &effects)[..] else { panic!("{effects:?}") };
    assert_eq!(failed.kind, FailureKind::Withdrawn);
    assert!(failed.why.contains("lapsed after 15 s"), "{}", failed.why);
}

#[test]
fn an_offer_that_lapsed_is_renewed_when_the_job_is_announced_again() {
    let (mut provider, job) = after_bid();
    provider.handle(15_000, Input::Tick);
    assert_eq!(bids(&provider.handle(16_000, announced(&job))), [0]);
    assert_eq!(provider.ledger.reserved(), amount(NEED));
    provider.handle(31_000, Input::Tick);
    assert_eq!(provider.ledger.reserved(), amount(0));
    provider.handle(60_000, Input::Tick);
    assert_nothing_left(&mut provider, &job);
}

#[test]
fn a_lapse_survives_a_restart() {
    let (mut provider, job) = after_bid();
    provider.handle(15_000, Input::Tick);
    let record = provider.record(&job.id).expect("an offer that may still be accepted is kept");
    let mut again = Compute::new(peer(), versions(), config(), Arc::new(Open::default()));
    assert_eq!(again.restore(16_000, vec![record]).unwrap(), []);
    assert_eq!(again.ledger.reserved(), amount(0));
    again.handle(17_000, accept(&job, 0, 1));
    assert_eq!((again.ledger.reserved(), again.running()), (amount(NEED), 1));
}

#[test]
fn offers_for_one_requester_leave_room_for_others() {
    let config = ComputeConfig { offers: OfferLimits::default(), ..config() };
    let mut provider = Compute::new(peer(), versions(), config, Arc::new(Open::default()));
    let (mine, other) = (job(peer(), 5), job(peer(), 5));
    assert_eq!(bids(&hear(&mut provider, 0, &mine, NEED)), [0], "half of the node is the share of its client");
    assert_eq!(bids(&hear(&mut provider, 0, &other, NEED)), [0]);
    // What is accepted is no offer any more.
    let mut provider = Compute::new(peer(), versions(), provider.config.clone(), Arc::new(Open::default()));
    assert_eq!(bids(&hear(&mut provider, 0, &mine, NEED)), [0]);
    assert_eq!(bids(&provider.handle(1, accept(&mine, 0, 1))), [1]);
}
