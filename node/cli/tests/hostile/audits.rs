//! Providers that lie about single runs.

use bacalhau_job::{Deal, JobRecord, JobState, MILLION, audit};
use bacalhau_service::byzantine::Behaviour;

use bacalhau_testkit::cluster::{Ask, Net, SAID};

fn ask(rate_millionths: u32) -> Ask {
    Ask { deal: Deal::new(1, 0).unwrap().with_min_bids(2).with_audit(rate_millionths).unwrap(), ..Ask::of(1, 0) }
}

fn first_is(net: &Net, role: Behaviour, record: &JobRecord) -> bool {
    net.role_of(&record.shards[0].executions[0].peer) == role
}

#[test]
fn a_liar_that_is_audited_is_named_and_its_result_does_not_stand() {
    let net = Net::of("honest liar");
    let record = net.run_until(&ask(MILLION), |record| first_is(&net, Behaviour::SharedWrongResult, record));
    assert_eq!(record.state, JobState::Failed, "{record:#?}");
    let shard = &record.shards[0];
    let why = shard.why.as_deref().unwrap();
    let said = |number: u16| shard.execution(number).unwrap().h1.clone().unwrap();
    assert!(why.starts_with("audit disagrees: execution 1 ("), "{why}");
    assert!(why.contains(&said(1)) && why.contains(&said(2)) && said(1) != said(2), "{why}");
    assert!(shard.executions.iter().all(|it| it.publications.is_empty()), "{record:#?}");
    assert_eq!(net.published_by(&shard.executions[0].peer), 0);
}

#[test]
fn honest_runs_pass_their_audit_and_are_verified() {
    let net = Net::of("honest honest");
    let record = net.run(&ask(MILLION));
    assert_eq!(record.state, JobState::Completed, "{record:#?}");
    assert!(record.shards[0].verdict.as_ref().unwrap().winner().is_some(), "{record:#?}");
    assert_eq!((record.shards[0].executions.len(), net.result(&record)), (2, SAID.to_owned()));
}

/// Whether a job is audited follows from the requester's signature over the proposal, so each decision can be repeated;
/// about as many as the rate says are.
#[test]
fn half_of_the_jobs_are_audited_by_a_draw_that_can_be_repeated() {
    const JOBS: usize = 24;
    let net = Net::of("honest liar");
    let mut drawn = 0;
    for _ in 0..JOBS {
        let record = net.run(&ask(MILLION / 2));
        let shard = &record.shards[0];
        let decision = shard.audit.as_ref().unwrap();
        assert!(decision.holds(&record.job.requester.peer, &record.job.id.execution(0, 1)), "{record:#?}");
        assert_eq!(shard.executions.len(), 1 + usize::from(decision.drawn), "one run costs one run: {record:#?}");
        let expected = if decision.drawn { JobState::Failed } else { JobState::Completed };
        assert_eq!(record.state, expected, "the two never agree: {record:#?}");
        drawn += usize::from(decision.drawn);
    }
    // Outside of this once in 14,000 times.
    assert!((3..=21).contains(&drawn), "{drawn} of {JOBS}");
    assert!((audit::detection(MILLION / 2, 3) - 0.875).abs() < 1e-9);
}
