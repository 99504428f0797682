//! Nodes that are killed at every phase of a job, and started again: the job ends, once, and says what happened.
//!
//! Events say when a phase is reached. Where a phase would be over too soon, another provider is stopped meanwhile.

use bacalhau_job::{Event, EventKind, JobState};
use rustix::process::Signal;

use bacalhau_testkit::{
    Lab, Node, guests,
    watch::{Ended, Watch},
};

/// A requester that runs nothing, and two providers.
struct Trio {
    lab: Lab,
    requester: Node,
    providers: Vec<Node>,
}

/// Who is killed.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Requester,
    Provider,
}

const TIMES: &str = "--bidding-time 30s --silence-time 10s";

impl Trio {
    /// With so many of the providers.
    fn new(providers: usize) -> Self {
        let lab = Lab::new();
        let requester = lab.serve("requester", &format!("{TIMES} --compute=false"));
        let mut trio = Self { lab, requester, providers: Vec::new() };
        (0..providers).for_each(|_| trio.add_provider());
        trio
    }

    fn add_provider(&mut self) {
        let flags = format!("{TIMES} --peer {}", self.requester.peer);
        self.providers.push(self.lab.serve(&format!("provider{}", self.providers.len()), &flags));
    }

    /// Submits `program` for both providers.
    fn submit(&self, program: &str) -> String {
        self.lab.write("program.wat", program);
        self.lab.submit(&self.requester, "program.wat -c 2 --min-bids 2")
    }

    /// Kills one of them, the provider with this name if it is a provider, and starts it again.
    fn strike(&mut self, victim: Victim, provider: &str) {
        let node = match victim {
            Victim::Requester => &mut self.requester,
            Victim::Provider => self.providers.iter_mut().find(|node| node.id == provider).unwrap(),
        };
        node.kill();
        node.again(&self.lab);
    }

    /// The end of `job`, as the requester tells it that was killed or was not.
    fn end(&self, victim: Victim, job: &str) -> Ended {
        let ended = Watch::begin(&self.requester, job).end(&self.requester);
        assert_eq!(ended.has(EventKind::Resumed), victim == Victim::Requester, "{:?}", ended.texts());
        ended
    }

    fn other_than(&self, id: &str) -> &Node {
        self.providers.iter().find(|node| node.id != id).unwrap()
    }
}

fn is(kind: EventKind) -> impl Fn(&Event) -> bool {
    move |event| event.kind == kind
}

fn peer(event: &Event) -> String {
    event.peer.unwrap().to_string()
}

/// Of two bids that are needed there is one.
fn while_bidding(victim: Victim) {
    let mut trio = Trio::new(1);
    let job = trio.submit(guests::HELLO);
    let bid = Watch::begin(&trio.requester, &job).until("a bid", is(EventKind::Bid));
    trio.strike(victim, &peer(&bid));
    trio.add_provider();
    let ended = trio.end(victim, &job);
    ended.assert_state(JobState::Completed);
    assert_eq!(ended.record.shards[0].executions.len(), 2, "{:?}", ended.texts());
}

/// Both programs run, and have something to do for a while.
fn while_running(victim: Victim) {
    let mut trio = Trio::new(2);
    let job = trio.submit(&guests::ticks(8));
    let mut watch = Watch::begin(&trio.requester, &job);
    watch.until_all(EventKind::Running, 2);
    let running = watch.until("a program that runs", is(EventKind::Running));
    trio.strike(victim, &peer(&running));
    let ended = trio.end(victim, &job);
    ended.assert_state(JobState::Completed);
    assert_eq!(ended.record.shards[0].executions.len(), 2, "who comes back goes on: {:?}", ended.texts());
}

/// One has proposed, and the other one is stopped before it can.
fn after_a_proposal(victim: Victim) {
    let mut trio = Trio::new(2);
    let job = trio.submit(&guests::ticks(4));
    let mut watch = Watch::begin(&trio.requester, &job);
    watch.until_all(EventKind::Running, 2);
    let first = peer(&watch.until("a program that runs", is(EventKind::Running)));
    trio.other_than(&first).signal(Signal::STOP);
    let proposed = peer(&watch.until("a proposal", is(EventKind::Proposed)));
    trio.strike(victim, &proposed);
    trio.providers.iter().for_each(|node| node.signal(Signal::CONT));
    let ended = trio.end(victim, &job);
    ended.assert_state(JobState::Completed);
    let verdict = ended.record.shards[0].verdict.as_ref().unwrap();
    assert_eq!(verdict.groups[0].executions, [1, 2], "what was proposed before counts: {:?}", ended.texts());
}

/// There is a verdict, and the results, which are large, are on their way.
fn while_publishing(victim: Victim) {
    let mut trio = Trio::new(2);
    let job = trio.submit(guests::WIDE);
    let mut watch = Watch::begin(&trio.requester, &job);
    watch.until("the verdict", is(EventKind::Verdict));
    let record = trio.requester.client().job(&job).unwrap().record;
    let group = &record.shards[0].verdict.as_ref().unwrap().groups[0];
    let winner = record.shards[0].execution(group.executions[0]).unwrap().peer.to_string();
    trio.strike(victim, &winner);
    let ended = Watch::begin(&trio.requester, &job).end(&trio.requester);
    ended.assert_state(JobState::Completed);
    let fetched = format!("get {job} --api-host {} --output-dir fetched", trio.requester.api);
    trio.lab.expect(0, &fetched);
    assert_eq!(trio.lab.path("fetched/results/stdout").metadata().unwrap().len(), 48 << 20);
}

#[test]
fn a_provider_killed_while_bidding_bids_again() {
    while_bidding(Victim::Provider);
}

#[test]
fn a_requester_killed_while_bidding_keeps_the_bids() {
    while_bidding(Victim::Requester);
}

#[test]
fn a_provider_killed_while_running_runs_it_again() {
    while_running(Victim::Provider);
}

#[test]
fn a_requester_killed_while_programs_run_hears_of_them() {
    while_running(Victim::Requester);
}

#[test]
fn a_provider_killed_after_its_proposal_stands_by_it() {
    after_a_proposal(Victim::Provider);
}

#[test]
fn a_requester_killed_after_a_proposal_keeps_it() {
    after_a_proposal(Victim::Requester);
}

#[test]
fn a_winner_killed_while_it_publishes_publishes() {
    while_publishing(Victim::Provider);
}

#[test]
fn a_requester_killed_while_it_fetches_fetches_again() {
    while_publishing(Victim::Requester);
}

#[test]
fn a_provider_that_never_comes_back_is_replaced() {
    let mut trio = Trio::new(3);
    let job = trio.submit(&guests::ticks(4));
    let mut watch = Watch::begin(&trio.requester, &job);
    watch.until_all(EventKind::Running, 2);
    let lost = peer(&watch.until("a program that runs", is(EventKind::Running)));
    trio.providers.iter_mut().find(|node| node.id == lost).unwrap().kill();
    let ended = watch.end(&trio.requester);
    ended.assert_state(JobState::Completed);
    let executions = &ended.record.shards[0].executions;
    let failed = executions.iter().find(|execution| execution.peer.to_string() == lost).unwrap();
    assert_eq!(failed.why.as_deref(), Some("silent for 10 s"), "{:?}", ended.texts());
    assert_eq!(executions.len(), 3, "{:?}", ended.texts());
}
