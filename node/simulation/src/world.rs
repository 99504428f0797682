//! The simulation loop: takes the next event, lets its node decide, persists and checks its changes, and performs
//! effects.

use std::collections::{BTreeMap, HashMap, VecDeque};

use libp2p::PeerId;

use super::checks::Checks;
use super::event::{Agenda, Event};
use super::jobs;
use super::node::Node;
use super::report::kind;
use super::rng::Rng;
use super::{Behaviour, Config, Observer, Report};
use bacalhau_compute as compute;
use bacalhau_compute::Compute;
use bacalhau_daemon::{Changes, Core, Effect, Input};
use bacalhau_identity::Identity;
use bacalhau_job::{JobId, JobRecord, ShardState};
use bacalhau_requester as requester;

/// The simulated world.
#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) config: &'a Config,
    pub(super) rng: Rng,
    pub(super) now_ms: u64,
    pub(super) agenda: Agenda,
    pub(super) nodes: Vec<Node>,
    pub(super) by_peer: HashMap<PeerId, usize>,
    /// Whether the network is in two parts.
    pub(super) parted: bool,
    /// Encrypted proposals seen by copycats, by shard, with their owners.
    pub(super) seen: BTreeMap<(JobId, u32), (usize, Vec<u8>)>,
    pub(super) checks: Checks,
    pub(super) report: Report,
    observer: &'a mut dyn Observer,
    /// The last one is the second client of [`Config::of_second_client`].
    clients: Vec<Identity>,
    /// Jobs that have not ended, and their requesters.
    open: BTreeMap<JobId, usize>,
    /// Ended jobs whose checks are kept, and when they ended.
    ended: VecDeque<(u64, JobId)>,
    /// Jobs in the order in which they were submitted, if their records are kept.
    submitted: Vec<JobId>,
    /// The last record of each job, if kept.
    records: BTreeMap<JobId, JobRecord>,
}

impl<'a> World<'a> {
    /// Everything as it is before anything has happened.
    pub(super) fn new(config: &'a Config, observer: &'a mut dyn Observer) -> Self {
        let mut rng = Rng::new(config.seed);
        let behaviours = config.behaviours.iter().flat_map(|(behaviour, count)| vec![*behaviour; *count]);
        let honest = std::iter::repeat(Behaviour::Honest);
        let behaviours = std::iter::repeat_n(Behaviour::Honest, config.first_provider).chain(behaviours).chain(honest);
        let mut checks = Checks::default();
        let mut nodes = Vec::new();
        for behaviour in behaviours.take(config.nodes) {
            let identity = Identity::from_seed(rng.bytes());
            checks.knows(identity.peer_id(), behaviour);
            nodes.push(Node::new(identity, behaviour));
        }
        for data_set in 0..config.data_sets {
            for holder in rng.sample(config.nodes - config.first_provider, config.holders) {
                nodes[config.first_provider + holder].data_sets.insert(data_set);
            }
        }
        let by_peer = nodes.iter().enumerate().map(|(at, node)| (node.peer, at)).collect();
        let mut clients: Vec<Identity> = (0..config.clients).map(|_| Identity::from_seed(rng.bytes())).collect();
        clients.push(Identity::from_seed([7; 32]));
        Self {
            config,
            rng,
            now_ms: 0,
            agenda: Agenda::default(),
            nodes,
            by_peer,
            parted: false,
            seen: BTreeMap::new(),
            checks,
            report: Report { seed: config.seed, trace: 0xcbf2_9ce4_8422_2325, ..Report::default() },
            observer,
            clients,
            open: BTreeMap::new(),
            ended: VecDeque::new(),
            submitted: Vec::new(),
            records: BTreeMap::new(),
        }
    }

    /// Lets everything happen that happens.
    pub(super) fn run(mut self) -> Report {
        for node in 0..self.nodes.len() {
            self.start(node);
        }
        for number in 0..self.config.jobs {
            let at = self.rng.below(self.config.submitting_ms);
            let at = if self.is_of_second_client(number) { self.config.submitting_ms } else { at };
            self.agenda.at(at, Event::Submit { number });
        }
        self.plan_churn();
        while let Some((at, event)) = self.agenda.next() {
            if at > self.config.end_ms {
                self.report.violation(format!("it is not over: {event:?}"));
                break;
            }
            self.now_ms = at;
            self.report.events += 1;
            let (what, node) = event.trace();
            self.trace(&[at, u64::from(what), node as u64]);
            self.happen(event);
        }
        self.finish()
    }

    /// Adds to the hash of everything that happened: FNV-1a, by words.
    pub(super) fn trace(&mut self, words: &[u64]) {
        for word in words {
            self.report.trace = (self.report.trace ^ word).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Submit { number } => self.submit(number),
            Event::Cancel { node, job } => {
                if self.nodes[node].core.is_some() {
                    self.handle(
                        node,
                        Input::Requester(requester::Input::Cancel { job, why: "the client took it back".into() }),
                    );
                } else if !self.nodes[node].dead {
                    self.agenda.at(self.now_ms + 1000, Event::Cancel { node, job });
                }
            }
            Event::Wake { node, life } => self.wake(node, life),
            Event::Heartbeat { node, life } => self.heartbeats(node, life),
            Event::Announced { node, job, versions } => self.hear(node, job, versions),
            Event::Deliver(delivery) => {
                let words: Vec<u64> = kind(&delivery.message).bytes().map(u64::from).collect();
                self.trace(&words);
                self.deliver(*delivery);
            }
            Event::Answer { node, life, id, result } => self.live(node, life, Input::Answered { id, result }),
            Event::Driver { node, life, input } => self.live(node, life, *input),
            Event::Ran { node, life, execution, result } => self.ran(node, life, execution, result),
            Event::Crash { node, until_ms } => self.crash(node, until_ms),
            Event::Start { node } => self.start(node),
            Event::Part => self.part(),
            Event::Heal => self.parted = false,
        }
    }

    fn is_of_second_client(&self, number: usize) -> bool {
        number >= self.config.jobs - self.config.of_second_client
    }

    /// A client submits a job at some requester; one that is down is tried again later.
    fn submit(&mut self, number: usize) {
        let node = self.rng.index(self.config.requesters);
        if self.nodes[node].core.is_none() {
            return self.agenda.at(self.now_ms + 1000, Event::Submit { number });
        }
        let data_set = self.rng.index(self.config.data_sets);
        let is_absent = number >= self.config.jobs - self.config.without_data;
        let data_set = if is_absent { usize::MAX } else { data_set };
        let shards = 1 + self.rng.index(self.config.max_shards as usize);
        let clock = self.nodes[node].clock_ms(self.now_ms);
        let shards = u32::try_from(shards).unwrap_or(1);
        let requester = self.nodes[node].peer;
        let of = if self.is_of_second_client(number) { self.config.clients } else { number % self.config.clients };
        let client = &self.clients[of];
        let job = jobs::job(self.config, client, (number, data_set, shards), requester, clock);
        self.open.insert(job.id, node);
        if self.config.keep_records {
            self.submitted.push(job.id);
        }
        if self.rng.chance(self.config.cancelled) {
            let at = self.now_ms + self.rng.below(60_000);
            self.agenda.at(at, Event::Cancel { node, job: job.id });
        }
        self.handle(node, Input::Requester(requester::Input::Submit(Box::new(job))));
    }

    /// Sends an input to a node if it is still the same start.
    fn live(&mut self, node: usize, life: u32, input: Input) {
        if self.nodes[node].life == life {
            self.handle(node, input);
        }
    }

    fn wake(&mut self, node: usize, life: u32) {
        if self.nodes[node].life != life || self.nodes[node].wake_ms != Some(self.now_ms) {
            return;
        }
        self.nodes[node].wake_ms = None;
        self.handle(node, Input::Tick);
        let clock = self.nodes[node].clock_ms(self.now_ms);
        let deadline = self.nodes[node].core.as_ref().and_then(Core::deadline);
        if deadline.is_some_and(|deadline| deadline <= clock) {
            self.report.violation(format!("node {node} was woken, and has a timer for the same time"));
        }
    }

    /// Sends an input to a node.
    pub(super) fn handle(&mut self, node: usize, input: Input) {
        self.step(node, |core, clock| core.handle(clock, input));
    }

    /// A step of a node, from decision to effects. Returns whether the node survived it.
    pub(super) fn step(&mut self, node: usize, decide: impl FnOnce(&mut Core, u64) -> Vec<Effect>) -> bool {
        let clock = self.nodes[node].clock_ms(self.now_ms);
        let Some(core) = &mut self.nodes[node].core else { return false };
        let effects = decide(core, clock);
        let changes = core.take_changes();
        // Only operators read them.
        drop(core.take_news());
        self.write(node, &changes);
        if self.dies_half_done(node, &changes) {
            return false;
        }
        for effect in effects {
            self.carry_out(node, effect);
        }
        self.arm(node);
        true
    }

    /// Puts a node's changes on disk, and checks them.
    fn write(&mut self, node: usize, changes: &Changes) {
        let Node { core: Some(core), disk, .. } = &mut self.nodes[node] else { return };
        for record in changes.jobs.iter().filter_map(|job| core.record(job)) {
            for wrong in self.checks.quorum(record) {
                self.report.violation(wrong);
            }
            let ended = self.checks.record(record, &mut self.report);
            if ended {
                *self.report.jobs.entry(record.state).or_default() += 1;
                self.ended.push_back((self.now_ms, record.job.id));
                if self.open.remove(&record.job.id).is_none() {
                    self.report.violation(format!("job {} has ended twice", record.job.id));
                }
                let failed = record.shards.iter().filter(|shard| shard.state == ShardState::Failed);
                failed.filter_map(|shard| shard.why.as_deref()).for_each(|why| self.report.failed(why));
            }
            if self.config.keep_records {
                self.records.insert(record.job.id, record.clone());
            }
        }
        disk.write(core, changes, self.config.write_everything);
        self.observer.wrote(node, self.now_ms, core, changes);
        let before_ms = self.now_ms.saturating_sub(self.config.keep_checks_ms);
        while let Some((_, job)) = self.ended.pop_front_if(|(at, _)| *at < before_ms) {
            self.checks.forget(&job);
        }
    }

    /// Schedules the next timer of a node.
    fn arm(&mut self, node: usize) {
        let now = self.now_ms;
        let node_number = node;
        let node = &mut self.nodes[node];
        let Some(deadline) = node.core.as_ref().and_then(Core::deadline) else { return };
        let at = node.when(deadline).max(now + 1);
        if node.wake_ms.is_none_or(|wake| at < wake) {
            node.wake_ms = Some(at);
            self.agenda.at(at, Event::Wake { node: node_number, life: node.life });
        }
    }

    fn carry_out(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Announce(announcement) => self.announce(node, *announcement),
            Effect::Transmit(transmit) => self.transmit(node, *transmit),
            Effect::Compute(compute::Task::Assess(job)) => self.assess(node, &job),
            Effect::Compute(compute::Task::Fetch(brief)) => self.fetch(node, brief),
            Effect::Compute(compute::Task::Run { execution, job }) => self.begin(node, execution, &job),
            Effect::StartHeartbeat(heartbeat) => self.start_heartbeat(node, heartbeat),
            Effect::StopHeartbeat(execution) => self.nodes[node].heartbeats.stop(&execution),
            Effect::Compute(compute::Task::Stop(execution)) => self.stop(node, execution),
            Effect::Compute(compute::Task::Publish { execution, .. }) => self.publish(node, execution),
            Effect::Compute(compute::Task::Discard(execution)) => self.discard(node, &execution),
            Effect::Requester(requester::Task::Collect { execution, peer, h1, .. }) => {
                self.collect(node, execution, peer, &h1);
            }
            Effect::Requester(requester::Task::LookUp { from, bid, .. }) => {
                let (life, result) = (self.nodes[node].life, Err("the simulation has no chain".into()));
                let input = Box::new(Input::Requester(requester::Input::LookedUp { from, bid, result }));
                self.agenda.at(self.now_ms + 1, Event::Driver { node, life, input });
            }
            Effect::Requester(requester::Task::Beacon { job, round }) => {
                let (life, result) = (self.nodes[node].life, Err("the simulation has no beacon".into()));
                let input = Box::new(Input::Requester(requester::Input::Beacon { job, round, result }));
                self.agenda.at(self.now_ms + 1, Event::Driver { node, life, input });
            }
            Effect::Requester(requester::Task::Ended(job)) => {
                let Node { core: Some(core), disk, .. } = &mut self.nodes[node] else { return };
                disk.ended(&job);
                core.forget_ended();
            }
        }
    }

    /// Everything has happened: whether everything has come to an end.
    fn finish(mut self) -> Report {
        for (job, requester) in &self.open {
            if self.nodes[*requester].dead {
                self.report.orphans += 1;
            } else {
                self.report.violation(format!("job {job} has not come to an end: {:?}", self.records.get(job)));
            }
        }
        for job in &self.submitted {
            self.report.records.extend(self.records.remove(job));
        }
        for (number, node) in self.nodes.iter().enumerate() {
            let Some(core) = &node.core else { continue };
            if !core.outbox().is_empty() {
                self.report.violation(format!("messages wait at node {number}: {:?}", core.outbox()));
            }
            let holds = |compute: &Compute| {
                compute.running() > 0 || compute.hands_over(|_| true) || compute.reserved() != jobs::NOTHING
            };
            if core.compute().is_some_and(holds) {
                self.report.violation(format!("node {number} holds capacity: {:?}", core.compute()));
            }
        }
        let cheats = self.nodes.iter().filter(|node| node.behaviour != Behaviour::Honest);
        self.report.cheats = cheats.map(|node| (node.peer, node.behaviour)).collect();
        self.report.virtual_ms = self.now_ms;
        self.report
    }
}
