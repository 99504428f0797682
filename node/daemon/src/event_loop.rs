//! The event loop of a node, on one thread: takes inputs, lets the core decide, persists the changes, and only then
//! sends replies and performs effects. While the disk rejects writes, no message leaves the node.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use libp2p_identity::PeerId;
use multiaddr::Multiaddr;

use super::daemon::Shared;
use super::heartbeat::{HEARTBEAT, Heartbeats};
use super::metrics_observer::MetricsObserver;
use super::specs::Specs;
use super::waiting::Taken;
use super::{Changes, Core, Effect, Input, ThreadPool, Transmit};
use bacalhau_compute as compute;
use bacalhau_job::{Announced, DeclineReason, Declined, Event as JobEvent, FailureKind, JobBrief};
use bacalhau_network::{Heard, ReplyTo};
use bacalhau_protocol::{Message, Refusal, Reply, SendError};
use bacalhau_requester as requester;
use bacalhau_store::Batch;

/// Maximum inputs whose changes are written in one transaction.
const AT_ONCE: usize = 256;
/// Delay before a failed write is tried again.
const DISK_RETRY: Duration = Duration::from_secs(1);
/// Minimum pause of the loop that does not count as silence of other nodes.
const HELD_UP: Duration = Duration::from_secs(2);
/// Maximum sleep; has no other effect.
const LONGEST: Duration = Duration::from_mins(1);

/// An input of the loop.
pub(super) enum Event {
    /// From the network, with the memory that it reserves while queued.
    Heard(Box<Heard>, #[expect(dead_code, reason = "dropping it releases the memory")] Taken),
    /// A finished task, or a timer.
    Input(Box<Input>),
    /// From the API; answered after the changes are on disk.
    Asked(Box<Input>, mpsc::Sender<()>),
    /// A message without the outbox, and the receiver of its reply.
    Direct(Box<(PeerId, Message)>, mpsc::Sender<Result<Reply, SendError>>),
    /// The end of the loop.
    End,
}

/// The loop and its own state.
pub(super) struct Loop {
    pub(super) core: Core,
    pub(super) shared: Arc<Shared>,
    pub(super) events: Receiver<Event>,
    /// Threads for runs of programs. Capacity limits their number.
    pub(super) runs: ThreadPool,
    pub(super) tasks: ThreadPool,
    pub(super) heartbeats: Heartbeats,
    pub(super) direct: BTreeMap<u64, Direct>,
    pub(super) last_direct: u64,
    pub(super) specs: Arc<Specs>,
    /// Pending writes, replies and effects.
    pub(super) pending: Pending,
    pub(super) observer: MetricsObserver,
}

/// Receiver of the reply to a message without the outbox.
pub(super) enum Direct {
    /// A caller in this process.
    Caller(mpsc::Sender<Result<Reply, SendError>>),
    /// A job whose spec is being fetched.
    Spec(Arc<JobBrief>),
}

/// Pending replies and effects until the disk has the changes.
#[derive(Default)]
pub(super) struct Pending {
    changes: Changes,
    effects: Vec<Effect>,
    replies: Vec<(ReplyTo, Reply)>,
    asked: Vec<mpsc::Sender<()>>,
}

impl Loop {
    /// Runs until stopped. `effects` are those of the restored state.
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

    /// Writes deferred changes.
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
        let effects = self.core.handle(self.shared.clock.now_ms(), Input::Requester(requester::Input::HeldUp { ms }));
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
                let effects = self.core.handle(now, Input::Compute(compute::Input::Announced { job, versions }));
                self.pending.effects.extend(effects);
            }
            Heard::Message { from, message: Message::Log { execution, stderr, offset }, reply } => {
                let provided = self.core.compute().and_then(|compute| compute.job(&execution.job));
                let allowed = provided.is_some_and(|job| job.requester().peer == from);
                let work = Arc::clone(&self.shared.work);
                self.tasks.run(move || {
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
                    self.tasks.run(move || reply.answer(specs.answer(&from, &job)));
                }
            },
            Heard::Message { from, message: Message::Publications { execution }, reply } => {
                let work = Arc::clone(&self.shared.work);
                self.tasks.run(move || {
                    let publications = work.publications(execution, &from);
                    reply.answer(publications.map_or(Reply::Refused(Refusal::Unknown), Reply::Publications));
                });
            }
            Heard::Message { from, message, reply } => {
                self.shared.seen(from, &message);
                self.observer.heard(&message);
                let (answer, effects) = match message {
                    Message::Bid(bid) => self.core.bid(now, from, bid, self.shared.transport.prefix(&from)),
                    message => self.core.message(now, from, message),
                };
                self.pending.effects.extend(effects);
                self.pending.replies.push((reply, answer));
            }
            // Heartbeats are repeated, so their replies do not matter.
            Heard::PeerDown(_) | Heard::Answered { id: HEARTBEAT, .. } => {}
            Heard::Answered { id, result } => {
                match self.direct.remove(&id) {
                    // The caller may have stopped waiting.
                    Some(Direct::Caller(waiting)) => drop(waiting.send(result)),
                    Some(Direct::Spec(brief)) => {
                        let specs = Arc::clone(&self.specs);
                        self.run_task(move || {
                            Input::Compute(compute::Input::Fetched {
                                result: specs.read(&brief, result).map_err(|error| error.to_string()),
                                brief,
                            })
                        });
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
    fn send_direct(&mut self, message: &(PeerId, Message), answer: mpsc::Sender<Result<Reply, SendError>>) {
        self.last_direct -= 1;
        self.direct.insert(self.last_direct, Direct::Caller(answer));
        self.shared.transport.send(self.last_direct, message.0, &[], &message.1);
    }

    /// Persists changes, then sends replies and performs effects. Returns whether the disk accepted them. Changes that
    /// are not urgent are written with others, or when the node `has_time`.
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
            tracing::error!("job store write failed; processing is paused until it succeeds: {error}");
            self.shared.set_problem(Some(error.to_string()));
            return false;
        }
        self.shared.set_problem(None);
        // Before the answer: the next job of a client counts this one.
        if let Some(queued) = self.core.take_queue() {
            self.observer.queued(queued.values().sum());
            self.shared.set_queued(queued);
        }
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

    fn write(&mut self) -> Result<(), bacalhau_store::StoreError> {
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
        self.observer.records(changes.jobs.iter().filter_map(|job| self.core.record(job)));
        for event in &changes.events {
            self.observer.event(event, self.core.record(&event.job));
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
            Effect::Compute(compute::Task::Assess(job)) => {
                let bids = job.deal().check_bids(self.shared.nodes());
                self.run_task(move || {
                    let failed = |why| Err(Declined::new(DeclineReason::Other, why));
                    let assess = || match &job {
                        Announced::Full(job) => work.assess(job),
                        Announced::Brief(brief) => work.assess_brief(brief),
                    };
                    let result = match bids {
                        Ok(()) => guarded(assess).unwrap_or_else(failed),
                        Err(why) => Err(Declined::new(DeclineReason::Policy, why.to_string())),
                    };
                    Input::Compute(compute::Input::Assessed { job: job.id(), result })
                });
            }
            Effect::Compute(compute::Task::Fetch(brief)) => self.fetch(brief),
            Effect::Compute(compute::Task::Run { execution, job }) => {
                let (shared, metrics) = (Arc::clone(&self.shared), self.observer.metrics());
                self.runs.run(move || {
                    let clock = Instant::now();
                    let result = guarded(|| work.run(execution, &job));
                    let result = result.unwrap_or_else(|why| Err((FailureKind::Host, why))).map(Box::new);
                    metrics.ran(clock.elapsed());
                    shared.say(Input::Compute(compute::Input::Ran { execution, result }));
                });
            }
            Effect::StartHeartbeat(heartbeat) => self.heartbeats.start(heartbeat),
            Effect::StopHeartbeat(execution) => self.heartbeats.stop(&execution),
            Effect::Compute(compute::Task::Stop(execution)) => work.stop(execution),
            Effect::Compute(compute::Task::Publish { execution, job, h1 }) => self.run_task(move || {
                let result = guarded(|| work.publish(execution, &job, &h1)).unwrap_or_else(Err);
                Input::Compute(compute::Input::Published { execution, result })
            }),
            Effect::Compute(compute::Task::Discard(execution)) => self.tasks.run(move || work.discard(execution)),
            Effect::Requester(requester::Task::Collect { execution, peer, delivery, h1 }) => self.run_task(move || {
                let result = guarded(|| work.collect(execution, peer, &delivery, &h1)).unwrap_or_else(Err);
                Input::Requester(requester::Input::Collected { execution, result })
            }),
            Effect::Requester(requester::Task::LookUp { from, bid, claim }) => self.run_task(move || {
                let result = guarded(|| work.miner(&from, &claim)).unwrap_or_else(Err);
                Input::Requester(requester::Input::LookedUp { from, bid, result })
            }),
            Effect::Requester(requester::Task::Beacon { job, round }) => self.run_task(move || {
                let result = guarded(|| work.beacon(round)).unwrap_or_else(Err);
                Input::Requester(requester::Input::Beacon { job, round, result })
            }),
            Effect::Requester(requester::Task::Ended(job)) => tracing::info!(%job, "the job has ended"),
        }
    }

    fn run_task(&self, work: impl FnOnce() -> Input + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        self.tasks.run(move || shared.say(work()));
    }

    /// Requests the spec of a job from its requester.
    fn fetch(&mut self, brief: Arc<JobBrief>) {
        if let Err(why) = self.specs.may_fetch(&brief) {
            return self
                .run_task(move || Input::Compute(compute::Input::Fetched { brief, result: Err(why.to_string()) }));
        }
        self.last_direct -= 1;
        let (to, addrs) = (brief.requester.peer, addresses(&brief.requester.addrs));
        self.shared.transport.send(self.last_direct, to, &addrs, &Message::Spec { job: brief.id });
        self.direct.insert(self.last_direct, Direct::Spec(brief));
    }

    fn transmit(&self, transmit: &Transmit) {
        if !transmit.again {
            self.observer.sent(&transmit.message);
        }
        let addrs = addresses(&transmit.addrs);
        self.shared.transport.send(transmit.id, transmit.to, &addrs, &transmit.message);
    }
}

/// Parses addresses. Invalid ones are ignored, so the message is undeliverable.
fn addresses(texts: &[String]) -> Vec<Multiaddr> {
    texts.iter().filter_map(|addr| addr.parse().ok()).collect()
}

fn log(event: &JobEvent) {
    let (job, peer) = (event.job.short(), event.peer.map(|peer| peer.to_string()));
    tracing::info!(job, shard = event.shard, execution = event.execution, peer, "{}", event.text);
}

/// Converts a panic to a host failure, so that the core receives a result.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .map_err(|_| "internal error: the task panicked; see the log of the node, and please report it".to_owned())
}
