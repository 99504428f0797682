//! Each way of cheating by name: the honest result stands, and the record says who did what.

use bacalhau_job::{ExecutionRecord, ExecutionState, JobRecord, JobState, Rule};
use bacalhau_p2p::Budgets;
use bacalhau_requester::RequesterConfig;
use bacalhau_service::byzantine::Behaviour;

use bacalhau_testkit::cluster::{Ask, Net, SAID};

/// The only execution of nodes that cheat so, which lost; everybody else's result stands.
fn only_loser<'a>(net: &Net, role: Behaviour, record: &'a JobRecord) -> &'a ExecutionRecord {
    honest_result(net, record);
    let [bad] = net.by(role, record)[..] else { panic!("{record:#?}") };
    assert_eq!(bad.state, ExecutionState::Lost, "{record:#?}");
    let others = record.shards[0].executions.iter().filter(|execution| execution.number != bad.number);
    for other in others {
        assert!(matches!(other.state, ExecutionState::Won | ExecutionState::Published), "{record:#?}");
        assert_eq!(other.why, None, "{record:#?}");
    }
    no_loser_published(net, record);
    bad
}

fn honest_result(net: &Net, record: &JobRecord) {
    assert_eq!(record.state, JobState::Completed, "{record:#?}");
    assert_eq!(record.shards[0].verdict.as_ref().unwrap().rule, Rule::LargestGroup, "{record:#?}");
    assert_eq!(net.result(record), SAID);
}

fn no_loser_published(net: &Net, record: &JobRecord) {
    for execution in &record.shards[0].executions {
        let publishes = execution.state == ExecutionState::Published;
        assert_eq!(execution.publications.len(), usize::from(publishes), "{record:#?}");
        assert_eq!(execution.memo.delivery.is_some(), publishes, "{record:#?}");
        if execution.state == ExecutionState::Lost {
            assert_eq!(net.published_by(&execution.peer), 0, "{record:#?}");
        }
    }
}

fn why(execution: &ExecutionRecord) -> &str {
    execution.why.as_deref().unwrap_or_else(|| panic!("{execution:#?}"))
}

#[test]
fn colluding_liars_lose_together_and_publish_nothing() {
    let net = Net::of("honest honest honest liar liar");
    let record = net.run(&Ask::of(5, 3));
    honest_result(&net, &record);
    no_loser_published(&net, &record);
    let liars = net.by(Behaviour::SharedWrongResult, &record);
    assert!(liars.iter().all(|liar| liar.state == ExecutionState::Lost), "{record:#?}");
    assert_eq!(liars[0].h1, liars[1].h1, "they tell one lie");
    let findings = &record.shards[0].findings;
    assert_eq!(findings.len(), 2, "{findings:#?}");
    for finding in findings {
        assert!(finding.differences.iter().any(|difference| difference.what == "file stdout"), "{findings:#?}");
        assert_eq!(finding.parted, None, "the program itself did the same");
    }
}

#[test]
fn two_honest_runs_outvote_three_liars_who_do_not_collude() {
    let net = Net::of("honest honest lone-liar lone-liar lone-liar");
    let record = net.run(&Ask::of(5, 2));
    honest_result(&net, &record);
    no_loser_published(&net, &record);
    let groups: Vec<usize> =
        record.shards[0].verdict.as_ref().unwrap().groups.iter().map(|group| group.executions.len()).collect();
    assert_eq!(groups, [2, 1, 1, 1]);
}

#[test]
fn who_runs_another_program_is_found_by_the_host_call_at_which_it_parts() {
    let net = Net::of("honest honest meddler");
    let record = net.run(&Ask::of(3, 2));
    let meddler = only_loser(&net, Behaviour::WrongProgram, &record);
    let [finding] = &record.shards[0].findings[..] else { panic!("{record:#?}") };
    assert_eq!(finding.execution, meddler.number);
    let differs = |what: &str| finding.differences.iter().any(|difference| difference.what == what);
    assert!(differs("job") && differs("file stdout"), "{finding:#?}");
    // The first call writes `hello` in both, the second asks how long the arguments are, and the third reads them.
    assert_eq!(finding.parted.as_deref(), Some("host call 3 (args_get in both)"));
}

#[test]
fn a_copycat_has_sealed_for_somebody_else() {
    let net = Net::of("honest honest honest copycat");
    let record = net.run(&Ask::of(4, 3));
    let copycat = only_loser(&net, Behaviour::Copycat, &record);
    assert!(why(copycat).contains("was sealed for another execution"), "{record:#?}");
    assert_eq!(copycat.h1.as_deref(), Some(""), "it counts as no result at all");
}

#[test]
fn a_replayer_is_right_once() {
    let net = Net::of("honest honest replayer");
    let record = net.run(&Ask::of(3, 2));
    honest_result(&net, &record);
    assert!(record.shards[0].executions.iter().all(|execution| execution.why.is_none()), "{record:#?}");
    let record = net.run(&Ask::of(3, 2));
    let [replayer] = net.by(Behaviour::Replayer, &record)[..] else { panic!("{record:#?}") };
    honest_result(&net, &record);
    assert_eq!(replayer.state, ExecutionState::Lost);
    assert!(why(replayer).contains("was sealed for another execution"), "{record:#?}");
}

#[test]
fn half_a_proposal_cannot_be_decrypted() {
    let net = Net::of("honest honest truncator");
    let record = net.run(&Ask::of(3, 2));
    let truncator = only_loser(&net, Behaviour::Truncator, &record);
    assert!(why(truncator).contains("cannot be decrypted"), "{record:#?}");
}

#[test]
fn an_equivocator_is_named_and_changes_nothing() {
    let net = Net::of("honest honest honest equivocator");
    let record = net.run(&Ask::of(4, 3));
    honest_result(&net, &record);
    let [equivocator] = net.by(Behaviour::Equivocator, &record)[..] else { panic!("{record:#?}") };
    assert_eq!(why(equivocator), "equivocation: two different proposals for one execution", "{record:#?}");
}

#[test]
fn who_is_silent_after_its_bid_is_replaced() {
    let quick = RequesterConfig { silence_ms: 3_000, ..RequesterConfig::default() };
    let net = Net::with("honest honest honest silent-after-bid", quick, &Budgets::default());
    let mut ask = Ask::of(3, 3);
    ask.deal = ask.deal.with_min_bids(4);
    let record = net.run_until(&ask, |record| !net.by(Behaviour::SilentAfterBid, record).is_empty());
    honest_result(&net, &record);
    let silent = net.by(Behaviour::SilentAfterBid, &record)[0];
    assert_eq!((silent.state, why(silent)), (ExecutionState::Failed, "silent for 3 s"));
    assert_eq!(record.shards[0].executions.len(), 4, "another bidder took its place");
}

#[test]
fn who_is_too_slow_is_replaced_and_its_late_answer_changes_nothing() {
    let quick = RequesterConfig { grace_ms: 1_000, ..RequesterConfig::default() };
    let net = Net::with("honest honest honest slow", quick, &Budgets::default());
    let mut ask = Ask { timeout_seconds: 2, ..Ask::of(3, 3) };
    ask.deal = ask.deal.with_min_bids(4);
    let record = net.run_until(&ask, |record| !net.by(Behaviour::Slow, record).is_empty());
    honest_result(&net, &record);
    let slow = net.by(Behaviour::Slow, &record)[0];
    assert_eq!((slow.state, why(slow)), (ExecutionState::Failed, "no result in time: the job allows 2 s"));
    assert_eq!(slow.h1, None, "what it proposed later is not looked at");
}

#[test]
fn a_wrong_publisher_is_named_and_the_next_winner_publishes() {
    let net = Net::of("honest wrong-publisher wrong-publisher");
    let failed = |record: &JobRecord| {
        let wrong = net.by(Behaviour::WrongPublisher, record);
        wrong.iter().any(|execution| execution.state == ExecutionState::Failed)
    };
    let record = net.run_until(&Ask::of(3, 3), failed);
    honest_result(&net, &record);
    let published = record.shards[0].published.and_then(|number| record.shards[0].execution(number)).unwrap();
    assert_eq!(net.role_of(&published.peer), Behaviour::Honest);
    for execution in &record.shards[0].executions[..usize::from(published.number) - 1] {
        assert_eq!(execution.state, ExecutionState::Failed);
        assert!(why(execution).contains("the published results have the hash h1:"), "{record:#?}");
    }
}

#[test]
fn a_job_whose_winners_all_publish_something_else_fails() {
    let net = Net::of("wrong-publisher wrong-publisher");
    let record = net.run(&Ask::of(2, 2));
    assert_eq!(record.state, JobState::Failed, "{record:#?}");
    let reason = record.shards[0].why.as_deref().unwrap();
    assert!(reason.contains("no winner published its results") && reason.contains("have the hash h1:"), "{reason}");
}
