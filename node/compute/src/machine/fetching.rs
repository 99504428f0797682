//! Jobs announced without their spec. For a public job, interested nodes fetch the spec before anything else; for a
//! private job, nodes fetch it after their bid was accepted, and may still refuse it.

use crate::Task;
use std::sync::Arc;

use super::super::Effect;
use super::super::assess::charged;
use super::super::capacity::within;
use super::super::record::Stage;
use super::Compute;
use bacalhau_job::{
    Announced, AnnouncedJob, DeclineReason, Declined, ExecutionState, FailureKind, JobBrief, JobId, Resources,
};
use bacalhau_protocol::{Failed, Message, Withdraw};

/// Maximum attempts to fetch the spec of an accepted execution.
const TRIES: u8 = 3;

impl Compute {
    /// Fetches the spec of a public job, unless this node would not bid anyway.
    pub(super) fn fetch(&mut self, brief: &Arc<JobBrief>) {
        if self.fetches.contains(brief) {
            return;
        }
        if !self.ledger.could_fit(charged(&brief.profile, brief.resources)) {
            let why = "it needs more than this node has";
            return self.decline(brief.id, Declined::new(DeclineReason::TooLarge, why));
        }
        if let Err(why) = self.fetches.allow(brief) {
            return self.decline(brief.id, Declined::new(DeclineReason::Full, why.to_string()));
        }
        self.begin_fetch(brief);
    }

    /// Fetches the spec of a private job after an accepted bid.
    pub(super) fn fetch_accepted(&mut self, brief: &Arc<JobBrief>) {
        if self.jobs.get(&brief.id).is_some_and(|entry| entry.fetched.is_none()) {
            self.begin_fetch(brief);
        }
    }

    fn begin_fetch(&mut self, brief: &Arc<JobBrief>) {
        if self.fetches.begin(brief) {
            self.effects.push(Effect::Task(Task::Fetch(Arc::clone(brief))));
        }
    }

    /// Handles a fetched spec, or its failure.
    pub(super) fn fetched(&mut self, brief: &Arc<JobBrief>, result: Result<Arc<AnnouncedJob>, String>) {
        self.fetches.end(brief);
        let result = result.map_err(|why| format!("its spec could not be fetched from its requester: {why}"));
        if brief.is_private() {
            return self.fetched_accepted(brief, result);
        }
        match result {
            Ok(job) => self.consider(Announced::Full(job)),
            Err(why) => self.decline(brief.id, Declined::new(DeclineReason::Other, why)),
        }
    }

    fn fetched_accepted(&mut self, brief: &Arc<JobBrief>, result: Result<Arc<AnnouncedJob>, String>) {
        let id = brief.id;
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        if !matches!(&entry.record.job, Announced::Brief(known) if known == brief) {
            return;
        }
        let runs = entry.record.shards.iter().any(|shard| shard.stage.running().is_some());
        match result {
            // Until assessment, the record on the disk contains the brief.
            Ok(job) if runs => {
                entry.fetched = Some(Arc::clone(&job));
                self.assessing.insert(id);
                self.effects.push(Effect::Task(Task::Assess(Announced::Full(job))));
            }
            Ok(_) => {}
            Err(_) if runs && entry.failed_fetches + 1 < TRIES => {
                entry.failed_fetches += 1;
                self.begin_fetch(brief);
            }
            Err(why) => self.refuse_all(id, &why),
        }
    }

    /// A job with accepted bids was assessed by its spec: its executions start, or are refused.
    pub(super) fn assessed_accepted(&mut self, id: JobId, result: Result<Vec<Option<Resources>>, Declined>) {
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        let Some(job) = entry.fetched.take() else { return };
        let wanted = match result {
            Ok(wanted) if wanted.len() == entry.record.shards.len() => wanted,
            Ok(_) => return self.refuse_all(id, "the job could not be assessed"),
            Err(declined) => {
                let why = declined.why.clone();
                self.decline(id, declined);
                return self.refuse_all(id, &why);
            }
        };
        entry.record.job = Announced::Full(job);
        self.changed.insert(id);
        for (shard, needs) in (0..).zip(wanted) {
            let running = self.stage(id, shard).and_then(Stage::running);
            match needs {
                None => self.refuse_shard(id, shard, "an input of the shard is not on this node"),
                Some(needs) if !self.takes(id, shard, needs) => {
                    self.refuse_shard(id, shard, "with its inputs it needs more than is free");
                }
                Some(_) => running.into_iter().for_each(|number| self.run(id.execution(shard, number))),
            }
        }
        self.forget_if_over(id);
    }

    /// Sets the needs of a shard by its spec. Returns whether an offered shard fits.
    fn takes(&mut self, id: JobId, shard: u32, needs: Resources) -> bool {
        let Some(place) = self.jobs.get_mut(&id).and_then(|entry| entry.record.shard_mut(shard)) else { return false };
        let known = std::mem::replace(&mut place.needs, needs);
        let holds = matches!(place.stage, Stage::Bid | Stage::Running(_));
        within(needs, known) || !holds || self.ledger.reserve((id, shard), needs)
    }

    /// Withdraws all offers and refuses all accepted executions of a job.
    fn refuse_all(&mut self, id: JobId, why: &str) {
        let shards = self.jobs.get(&id).map_or(0, |entry| entry.record.shards.len());
        for shard in (0..).take(shards) {
            self.refuse_shard(id, shard, why);
        }
        self.forget_if_over(id);
    }

    fn refuse_shard(&mut self, id: JobId, shard: u32, why: &str) {
        match self.stage(id, shard) {
            Some(Stage::Running(number)) => {
                let execution = id.execution(shard, *number);
                self.reached(execution, ExecutionState::Failed, None, Some(why));
                let why = why.to_owned();
                self.tell(Message::Failed(Failed { execution, kind: FailureKind::Withdrawn, why }));
                self.set_stage(id, shard, Stage::Over);
            }
            Some(Stage::Bid | Stage::Lapsed) => {
                self.tell(Message::Withdraw(Withdraw { job: id, shards: vec![shard], why: why.into() }));
                self.set_stage(id, shard, Stage::Over);
            }
            Some(Stage::Waiting | Stage::Idle) => self.set_stage(id, shard, Stage::Over),
            Some(Stage::Proposed(_) | Stage::Over) | None => {}
        }
    }
}
