//! The loop of a node, one thread: takes what has happened, lets the core decide, puts the changes on disk, and only then
//! gives replies and carries effects out. While the disk does not take them, nothing leaves the node.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::counting::Counting;
use super::daemon::Shared;
use super::heartbeat::{HEARTBEAT, Heartbeats};
use super::specs::Specs;
use super::waiting::Taken;
use super::{Changes, Core, Effect, Errands, Input, Transmit};
use crate::job::{Announced, DeclineReason, Declined, Event as JobEvent, JobBrief};
use crate::network::{Heard, ReplyTo};
use crate::protocol::{FailureKind, Message, Refusal, Reply};
use crate::store::Batch;

/// Things that are taken before the changes of all of them are written in one transaction.
const AT_ONCE: usize = 256;
/// How long to wait before a disk that failed is tried again.
const DISK_RETRY: Duration = Duration::from_secs(1);
/// Time without listening from which on it is not counted as the silence of others.
const HELD_UP: Duration = Duration::from_secs(2);
/// The longest sleep; nothing depends on it.
const LONGEST: Duration = Duration::from_mins(1);

/// Something for the loop.
pub(super) enum Event {
    /// From the network, and the room that it takes as long as it waits.
    Heard(Box<Heard>, #[expect(dead_code, reason = "dropping it gives the room back")] Taken),
    /// Work is done, or time has come.
    Input(Box<Input>),
    /// From the API: done when the answer comes, which is after the changes are on disk.
    Asked(Box<Input>, mpsc::Sender<()>),
    /// A message that does not go through the outbox, and who waits for its answer.
    Direct(Box<(PeerId, Message)>, mpsc::Sender<Result<Reply, String>>),
    /// The end of the loop.
    End,
}

/// The loop and all that only it has.
pub(super) struct Loop {
    pub(super) core: Core,
    pub(super) shared: Arc<Shared>,
    pub(super) events: Receiver<Event>,
    /// Runs of programs have threads of their own; how many there are is up to capacity.
    pub(super) runs: Errands,
    pub(super) errands: Errands,
    pub(super) heartbeats: Heartbeats,
    pub(super) direct: BTreeMap<u64, Direct>,
    pub(super) last_direct: u64,
    pub(super) specs: Arc<Specs>,
    /// What is to be written, said and done.
    pub(super) pending: Pending,
    pub(super) counting: Counting,
}

/// What waits for the answer to a message that does not go through the outbox.
pub(super) enum Direct {
    /// Somebody in this process.
    Caller(mpsc::Sender<Result<Reply, String>>),
    /// A job whose spec is fetched.
    Spec(Arc<JobBrief>),
}

/// What waits for the disk.
#[derive(Default)]
pub(super) struct Pending {
    changes: Changes,
    effects: Vec<Effect>,
    replies: Vec<(ReplyTo, Reply)>,
    asked: Vec<mpsc::Sender<()>>,
}

impl Loop {
    /// Runs until it is told to end. `effects` are those of what was taken up from the disk.
    pub(super) fn run(mut self, effects: Vec<Effect>) {
        self.pending.effects = effects;
        let mut since = Instant::now();
        let mut on_disk = self.settle(false);
        loop {
            let wait = if on_disk { self.wait() } else { DISK_RETRY };
            // Time in which it did not listen: it worked or waited for the disk, and then it may have been woken late.
            let (worked, asleep) = (since.elapsed(), Instant::now());
            let event = self.events.recv_timeout(wait);
            let held_up = worked.saturating_add(asleep.elapsed().saturating_sub(wait));
            since = Instant::now();
            if held_up >= HELD_UP {
                self.held_up(held_up);
            }
            let has_time = matches!(event, Err(RecvTimeoutError::Timeout));
            match event {
                Ok(event) => {
                    if !self.take(event) {
                        return self.end();
                    }
                    for _ in 1..AT_ONCE {
                        let Ok(event) = self.events.try_recv() else { break };
                        if !self.take(event) {
                            return self.end();
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = self.shared.clock.now_ms();
            if self.core.deadline().is_some_and(|at| at <= now) {
                let effects = self.core.handle(now, Input::Tick);
                self.pending.effects.extend(effects);
            }
            on_disk = self.settle(has_time);
        }
    }

    /// Writes what was put off.
    fn end(&mut self) {
        if !self.pending.changes.is_empty()
            && let Err(error) = self.write()
        {
            tracing::warn!("the last changes could not be written, and are made again after the next start: {error}");
        }
    }

    fn wait(&self) -> Duration {
        self.core.deadline().map_or(LONGEST, |at| self.shared.clock.until(at).min(LONGEST))
    }

    fn held_up(&mut self, held_up: Duration) {
        tracing::warn!("this node was held up for {} s: its disk or its machine is slow", held_up.as_secs());
        let ms = u64::try_from(held_up.as_millis()).unwrap_or(u64::MAX);
        let effects = self.core.handle(self.shared.clock.now_ms(), Input::HeldUp { ms });
        self.pending.effects.extend(effects);
    }

    /// Lets the core decide about one thing. Answers whether to go on.
    fn take(&mut self, event: Event) -> bool {
        let now = self.shared.clock.now_ms();
        match event {
            Event::Input(input) => {
                let effects = self.core.handle(now, *input);
                self.pending.effects.extend(effects);
            }
            Event::Asked(input, answer) => {
                let effects = self.core.handle(now, *input);
                self.pending.effects.extend(effects);
                self.pending.asked.push(answer);
            }
            Event::Heard(heard, _) => self.heard(now, *heard),
            Event::Direct(message, answer) => self.send_direct(&message, answer),
            Event::End => return false,
        }
        true
    }

    fn heard(&mut self, now: u64, heard: Heard) {
        match heard {
            Heard::Announced { announcement, .. } => {
                let (job, versions) = (announcement.job, announcement.versions);
                let effects = self.core.handle(now, Input::Announced { job, versions });
                self.pending.effects.extend(effects);
            }
            Heard::Message { from, message: Message::Log { execution, stderr, offset }, reply } => {
                let provided = self.core.compute().and_then(|compute| compute.job(&execution.job));
                let allowed = provided.is_some_and(|job| job.requester().peer == from);
                let work = Arc::clone(&self.shared.work);
                self.errands.run(move || {
                    let part = if allowed { work.log(execution, stderr, offset) } else { None };
                    reply.answer(match part {
                        Some((bytes, ended)) => Reply::Log { bytes, ended },
                        None => Reply::Refused(Refusal::Unknown),
                    });
                });
            }
            Heard::Message { from, message: Message::Spec { job }, reply } => match self.core.spec(&from, &job) {
                Err(refusal) => reply.answer(Reply::Refused(refusal)),
                Ok(job) if !self.specs.may_send(&from, job) => reply.answer(Reply::Refused(Refusal::OverBudget)),
                Ok(job) => {
                    let (specs, job) = (Arc::clone(&self.specs), job.clone());
                    self.errands.run(move || reply.answer(specs.answer(&from, &job)));
                }
            },
            Heard::Message { from, message: Message::Publications { execution }, reply } => {
                let work = Arc::clone(&self.shared.work);
                self.errands.run(move || {
                    let publications = work.publications(execution, &from);
                    reply.answer(publications.map_or(Reply::Refused(Refusal::Unknown), Reply::Publications));
                });
            }
            Heard::Message { from, message, reply } => {
                self.shared.seen(from, &message);
                self.counting.heard(&message);
                let (answer, effects) = match message {
                    Message::Bid(bid) => self.core.bid(now, from, bid, self.shared.transport.prefix(&from)),
                    message => self.core.message(now, from, message),
                };
                self.pending.effects.extend(effects);
                self.pending.replies.push((reply, answer));
            }
            // Heartbeats are repeated anyway, so their answers change nothing.
            Heard::PeerDown(_) | Heard::Answered { id: HEARTBEAT, .. } => {}
            Heard::Answered { id, result } => {
                match self.direct.remove(&id) {
                    // Who does not wait any longer has given up.
                    Some(Direct::Caller(waiting)) => drop(waiting.send(result)),
                    Some(Direct::Spec(brief)) => {
                        let specs = Arc::clone(&self.specs);
                        self.errand(move || Input::Fetched { result: specs.read(&brief, result), brief });
                    }
                    None => {
                        let effects = self.core.handle(now, Input::Answered { id, result });
                        self.pending.effects.extend(effects);
                    }
                }
            }
            Heard::PeerUp(peer) => {
                let effects = self.core.connected(now, &peer);
                self.pending.effects.extend(effects);
            }
        }
    }

    /// Numbers of the outbox count up from 1, these down from the largest.
    fn send_direct(&mut self, message: &(PeerId, Message), answer: mpsc::Sender<Result<Reply, String>>) {
        self.last_direct -= 1;
        self.direct.insert(self.last_direct, Direct::Caller(answer));
        self.shared.transport.send(self.last_direct, message.0, &[], &message.1);
    }

    /// Writes what has changed, then says and does what follows from it. Answers whether the disk took it. What is not
    /// urgent is written along with something else, or when the node `has_time`.
    fn settle(&mut self, has_time: bool) -> bool {
        let Changes { jobs, events, provided, messages } = self.core.take_changes();
        let changes = &mut self.pending.changes;
        changes.jobs.extend(jobs);
        changes.events.extend(events);
        changes.provided.extend(provided);
        changes.messages.extend(messages);
        if (changes.are_urgent() || has_time && !changes.is_empty())
            && let Err(error) = self.write()
        {
            tracing::error!("jobs cannot be written, so nothing goes on before they can be: {error}");
            self.shared.set_problem(Some(error.to_string()));
            return false;
        }
        self.shared.set_problem(None);
        for (reply, answer) in self.pending.replies.drain(..) {
            reply.answer(answer);
        }
        for answer in self.pending.asked.drain(..) {
            let _ = answer.send(());
        }
        let now = self.shared.clock.now_ms();
        for news in self.core.take_news() {
            self.shared.provided().take(now, news);
        }
        for effect in std::mem::take(&mut self.pending.effects) {
            self.carry_out(effect);
        }
        self.core.forget_ended();
        self.shared.set_load(&self.core);
        true
    }

    fn write(&mut self) -> Result<(), crate::store::StoreError> {
        let changes = &self.pending.changes;
        let provider = changes.provided.iter().map(|job| (*job, self.core.provider_record(job))).collect();
        let batch = Batch {
            now_ms: self.shared.clock.now_ms(),
            jobs: changes.jobs.iter().filter_map(|job| self.core.record(job)).collect(),
            events: &changes.events,
            provider,
            messages: changes.messages.iter().map(|(number, message)| (*number, message.clone())).collect(),
        };
        self.shared.store.commit(&batch)?;
        self.counting.records(changes.jobs.iter().filter_map(|job| self.core.record(job)));
        for event in &changes.events {
            self.counting.event(event, self.core.record(&event.job));
            log(event);
        }
        self.pending.changes = Changes::default();
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) {
        let work = Arc::clone(&self.shared.work);
        match effect {
            Effect::Announce(announcement) => {
                if let Err(error) = self.shared.transport.announce(&announcement) {
                    tracing::warn!(job = %announcement.job.id(), "a job could not be announced: {error}");
                }
            }
            Effect::Transmit(transmit) => self.transmit(&transmit),
            Effect::Assess(job) => {
                let bids = job.deal().check_bids(self.shared.nodes());
                self.errand(move || {
                    let failed = |why| Err(Declined::new(DeclineReason::Other, why));
                    let assess = || match &job {
                        Announced::Full(job) => work.assess(job),
                        Announced::Brief(brief) => work.assess_brief(brief),
                    };
                    let result = match bids {
                        Ok(()) => guarded(assess).unwrap_or_else(failed),
                        Err(why) => Err(Declined::new(DeclineReason::Policy, why)),
                    };
                    Input::Assessed { job: job.id(), result }
                });
            }
            Effect::Fetch(brief) => self.fetch(brief),
            Effect::Run { execution, job } => {
                let (shared, metrics) = (Arc::clone(&self.shared), self.counting.metrics());
                self.runs.run(move || {
                    let clock = Instant::now();
                    let result = guarded(|| work.run(execution, &job));
                    let result = result.unwrap_or_else(|why| Err((FailureKind::Host, why))).map(Box::new);
                    metrics.ran(clock.elapsed());
                    shared.say(Input::Ran { execution, result });
                });
            }
            Effect::StartHeartbeat(heartbeat) => self.heartbeats.start(heartbeat),
            Effect::StopHeartbeat(execution) => self.heartbeats.stop(&execution),
            Effect::Stop(execution) => work.stop(execution),
            Effect::Publish { execution, job, h1 } => self.errand(move || {
                let result = guarded(|| work.publish(execution, &job, &h1)).unwrap_or_else(Err);
                Input::Published { execution, result }
            }),
            Effect::Discard(execution) => self.errands.run(move || work.discard(execution)),
            Effect::Collect { execution, peer, delivery, h1 } => self.errand(move || {
                let result = guarded(|| work.collect(execution, peer, &delivery, &h1)).unwrap_or_else(Err);
                Input::Collected { execution, result }
            }),
            Effect::LookUp { from, bid, claim } => self.errand(move || {
                let result = guarded(|| work.miner(&from, &claim)).unwrap_or_else(Err);
                Input::LookedUp { from, bid, result }
            }),
            Effect::Beacon { job, round } => self.errand(move || {
                let result = guarded(|| work.beacon(round)).unwrap_or_else(Err);
                Input::Beacon { job, round, result }
            }),
            Effect::Ended(job) => tracing::info!(%job, "the job has ended"),
        }
    }

    fn errand(&self, work: impl FnOnce() -> Input + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        self.errands.run(move || shared.say(work()));
    }

    /// Asks the requester of a job for its spec.
    fn fetch(&mut self, brief: Arc<JobBrief>) {
        if let Err(why) = self.specs.may_fetch(&brief) {
            return self.errand(move || Input::Fetched { brief, result: Err(why) });
        }
        self.last_direct -= 1;
        let (to, addrs) = (brief.requester.peer, addresses(&brief.requester.addrs));
        self.shared.transport.send(self.last_direct, to, &addrs, &Message::Spec { job: brief.id });
        self.direct.insert(self.last_direct, Direct::Spec(brief));
    }

    fn transmit(&self, transmit: &Transmit) {
        if !transmit.again {
            self.counting.sent(&transmit.message);
        }
        let addrs = addresses(&transmit.addrs);
        self.shared.transport.send(transmit.id, transmit.to, &addrs, &transmit.message);
    }
}

/// Addresses from text. What is none leads nowhere, and the message comes back.
fn addresses(texts: &[String]) -> Vec<Multiaddr> {
    texts.iter().filter_map(|addr| addr.parse().ok()).collect()
}

fn log(event: &JobEvent) {
    let (job, peer) = (event.job.short(), event.peer.map(|peer| peer.to_string()));
    tracing::info!(job, shard = event.shard, execution = event.execution, peer, "{}", event.text);
}

/// A panic of ours is a failure of this host like any other, and must not leave the core waiting.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .map_err(|_| "a mistake of bacalhau's: its log on this node says more; please report it".to_owned())
}
