//! Simulated drivers: assessing, running, publishing, collecting. All take time, and the last three can fail.

use std::sync::Arc;

use bacalhau_compute as compute;
use bacalhau_requester as requester;
use bacalhau_tree::Link;
use libp2p::PeerId;

use super::Behaviour;
use super::event::Event;
use super::jobs::{self, ran};
use super::world::World;
use bacalhau_compute::Ran;
use bacalhau_daemon::Input;
use bacalhau_job::{Announced, AnnouncedJob, DeclineReason, Declined, Delivery, ExecutionId, FailureKind, JobBrief};

/// How long looking at a job, publishing and fetching take.
const WORK_MS: (u64, u64) = (1, 200);
/// Timeout of fetching results.
const FETCH_MS: u64 = 30_000;

impl World<'_> {
    /// Fetches the spec of a job from its requester, which answers if it is there.
    pub(super) fn fetch(&mut self, node: usize, brief: Arc<JobBrief>) {
        let me = self.nodes[node].peer;
        let requester = self.by_peer.get(&brief.requester.peer).copied();
        let lost = requester.is_none_or(|requester| self.is_lost(requester, node));
        let core = requester.filter(|_| !lost).and_then(|requester| self.nodes[requester].core.as_ref());
        let result = match core.map(|core| core.spec(&me, &brief.id)) {
            Some(Ok(job)) => Ok(Arc::new(job.clone())),
            Some(Err(refusal)) => Err(format!("{refusal:?}")),
            None => Err("no answer".into()),
        };
        self.later(node, WORK_MS, Input::Compute(compute::Input::Fetched { brief, result }));
    }

    pub(super) fn assess(&mut self, node: usize, job: &Announced) {
        let job = match job {
            Announced::Full(job) => job,
            Announced::Brief(brief) => {
                let needs = vec![Some(brief.resources); brief.shards as usize];
                return self.later(
                    node,
                    WORK_MS,
                    Input::Compute(compute::Input::Assessed { job: brief.id, result: Ok(needs) }),
                );
            }
        };
        let holds = jobs::data_set(job).is_some_and(|data_set| self.nodes[node].data_sets.contains(&data_set));
        let needs = vec![Some(job.spec().resources); job.shards.len()];
        let result = if holds { Ok(needs) } else { Err(Declined::new(DeclineReason::NoInput, "its data is not here")) };
        self.later(node, WORK_MS, Input::Compute(compute::Input::Assessed { job: job.id, result }));
    }

    pub(super) fn begin(&mut self, node: usize, execution: ExecutionId, job: &AnnouncedJob) {
        let life = self.nodes[node].life;
        if let Some(there) = self.nodes[node].disk.results.get(&execution) {
            let result = Ok(there.clone());
            return self.agenda.at(self.now_ms + 1, Event::Ran { node, life, execution, result });
        }
        let needs = job.spec().resources;
        if self.nodes[node].running.insert(execution, needs).is_some() {
            return;
        }
        let taken: u64 = self.nodes[node].running.values().map(|needs| needs.cpu_millis).sum();
        if taken > self.config.compute.total.cpu_millis {
            self.report.violation(format!("node {node} runs {taken} thousandths of a core"));
        }
        let behaviour = self.nodes[node].behaviour;
        let takes = match behaviour {
            Behaviour::Slow => 3 * (1000 * self.config.timeout_seconds + self.config.requester.grace_ms),
            _ => self.rng.between(self.config.run_ms),
        };
        let result = if self.rng.chance(self.config.host_failures) {
            Err((FailureKind::Host, "the disk is full".into()))
        } else {
            Ok(ran(&execution, behaviour.result(node, &execution), &self.nodes[node].identity))
        };
        self.agenda.at(self.now_ms + takes, Event::Ran { node, life, execution, result });
    }

    /// An execution that runs ends soon.
    pub(super) fn stop(&mut self, node: usize, execution: ExecutionId) {
        if self.nodes[node].running.contains_key(&execution) {
            let (life, result) = (self.nodes[node].life, Err((FailureKind::Withdrawn, "it was stopped".into())));
            self.agenda.at(self.now_ms + self.rng.between(WORK_MS), Event::Ran { node, life, execution, result });
        }
    }

    /// An execution has ended, unless it was stopped and has ended before.
    pub(super) fn ran(
        &mut self,
        node: usize,
        life: u32,
        execution: ExecutionId,
        result: Result<Box<Ran>, (FailureKind, String)>,
    ) {
        if self.nodes[node].life != life {
            return;
        }
        let there = self.nodes[node].disk.results.contains_key(&execution);
        let ended = self.nodes[node].running.remove(&execution).is_some();
        if !there && !ended {
            return;
        }
        if let Ok(ran) = &result {
            self.nodes[node].disk.results.insert(execution, ran.clone());
        }
        self.handle(node, Input::Compute(compute::Input::Ran { execution, result }));
    }

    pub(super) fn publish(&mut self, node: usize, execution: ExecutionId) {
        let wrong = self.nodes[node].behaviour == Behaviour::WrongPublisher;
        let disk = &mut self.nodes[node].disk;
        let result = match disk.results.get(&execution) {
            Some(ran) => {
                let h1 = if wrong { "h1:something-else".into() } else { ran.receipt.claim.h1.clone() };
                disk.published.insert(execution, h1);
                Ok((Delivery::Dag(Link::of_raw(execution.to_string().as_bytes())), Vec::new()))
            }
            None => Err("its results are not here".into()),
        };
        self.later(node, WORK_MS, Input::Compute(compute::Input::Published { execution, result }));
    }

    pub(super) fn discard(&mut self, node: usize, execution: &ExecutionId) {
        self.nodes[node].disk.results.remove(execution);
        self.nodes[node].disk.published.remove(execution);
    }

    pub(super) fn collect(&mut self, node: usize, execution: ExecutionId, from: PeerId, h1: &str) {
        let Some(provider) = self.by_peer.get(&from).copied() else { return };
        // Lost deliveries are requested again.
        let gone = self.nodes[provider].core.is_none() || self.are_apart(provider, node);
        let (takes, result) = match self.nodes[provider].disk.published.get(&execution) {
            _ if gone => ((FETCH_MS, FETCH_MS), Err(format!("cannot be fetched from {from}"))),
            None => ((FETCH_MS, FETCH_MS), Err(format!("{from} does not have it"))),
            Some(published) if published == h1 => {
                self.checks.collected(execution);
                (WORK_MS, Ok(()))
            }
            Some(published) => (WORK_MS, Err(format!("hashes to {published}, and {h1} was voted for"))),
        };
        self.later(node, takes, Input::Requester(requester::Input::Collected { execution, result }));
    }

    fn later(&mut self, node: usize, takes: (u64, u64), input: Input) {
        let at = self.now_ms + self.rng.between(takes);
        let life = self.nodes[node].life;
        self.agenda.at(at, Event::Driver { node, life, input: Box::new(input) });
    }
}
