//! Declined jobs with reasons, for the operator and for requesters that ask; and states of executions for the operator.

use bacalhau_receipt::Outcome;

use super::super::record::Stage;
use super::super::{Effect, News};
use super::Compute;
use super::bidding::DISK_FULL;
use bacalhau_job::{DeclineReason, Declined, ExecutionId, ExecutionState, JobId};
use bacalhau_protocol::{Decline, Later, Message};

impl Compute {
    /// Declines the job for now. Reports it to the operator, and to the requester if it asks.
    pub(super) fn decline(&mut self, job: JobId, declined: Declined) {
        let Declined { reason, .. } = declined;
        if self.declines.insert(job, reason) {
            self.news.push(News::NoBid { job, declined });
        }
        let Some(asked) = self.asked.remove(&job) else { return };
        let later = (asked.later && reason == DeclineReason::Full).then(|| self.later(&job));
        let says = match later {
            Some(_) => self.declines.may_say_later(job, self.now_ms),
            None => asked.why && self.declines.may_say(job, self.now_ms),
        };
        if says {
            let message = Message::Decline(Decline { job, reason: reason.name().into(), later });
            let (to, addrs) = (asked.requester.peer, asked.requester.addrs);
            self.effects.push(Effect::SendOnce { to, addrs, message });
        }
    }

    /// The place of a job among those that wait for capacity, and the time that it takes to get there.
    fn later(&self, job: &JobId) -> Later {
        let ahead = match self.jobs.get(job) {
            Some(entry) => self.waiting_for_capacity.range(..(entry.order, *job)).count(),
            None => self.waiting_for_capacity.len(),
        };
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        Later { ahead, in_ms: self.load.wait_ms(ahead) }
    }

    /// Declines a job that does not fit: it needs more than is free, or more than this node has.
    pub(super) fn decline_what_does_not_fit(&mut self, job: JobId) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let (mut declined, mut exceeded) = (None, None);
        // A requester that takes estimates is also told of shards that wait while others run.
        let partly = self.asked.get(&job).is_some_and(|asked| asked.later) && entry.waiting > 0;
        for shard in &entry.record.shards {
            match shard.stage {
                Stage::Bid | Stage::Lapsed | Stage::Running(_) | Stage::Proposed(_) if partly => {}
                Stage::Bid | Stage::Lapsed | Stage::Running(_) | Stage::Proposed(_) => {
                    self.asked.remove(&job);
                    return;
                }
                Stage::Waiting if self.disk_full => declined = Some(DeclineReason::DiskFull),
                Stage::Waiting => {
                    declined = Some(DeclineReason::Full);
                    exceeded = self.offers.allow(entry.parties, shard.needs).err();
                }
                Stage::Idle if declined.is_none() && !self.ledger.could_fit(shard.needs) => {
                    declined = Some(DeclineReason::TooLarge);
                }
                Stage::Idle | Stage::Over => {}
            }
        }
        let why = match declined {
            Some(DeclineReason::Full) if exceeded.is_some() => exceeded.map(|it| it.to_string()).unwrap_or_default(),
            Some(DeclineReason::Full) => {
                let free = self.ledger.available();
                format!(
                    "not enough is free: {} thousandths of a core, {} bytes of memory, {} bytes of disk",
                    free.cpu_millis, free.memory_bytes, free.disk_bytes
                )
            }
            Some(DeclineReason::DiskFull) => DISK_FULL.into(),
            Some(_) => "it needs more than this node has".into(),
            None if entry.record.shards.is_empty() => return,
            None => return drop(self.asked.remove(&job)),
        };
        self.decline(job, Declined { reason: declined.unwrap_or(DeclineReason::Other), why });
    }

    /// Reports the state of an execution.
    pub(super) fn reached(
        &mut self,
        id: ExecutionId,
        state: ExecutionState,
        outcome: Option<Outcome>,
        why: Option<&str>,
    ) {
        let Some(entry) = self.jobs.get(&id.job) else { return };
        let job = entry.record.job.clone();
        self.news.push(News::Execution { id, job, state, outcome, why: why.map(Into::into) });
    }
}
