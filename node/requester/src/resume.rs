//! A shard after a restart: repeats all messages that may not have arrived. They are idempotent.

use super::shard::Shard;
use bacalhau_job::{ExecutionState, ShardState};

impl Shard<'_> {
    /// Repeats messages.
    pub(super) fn resume(&mut self) {
        if self.record.state.is_final() {
            return;
        }
        for bid in self.record.bids.iter().filter(|bid| bid.accepted == Some(false)) {
            self.out.reject(bid.peer, self.number);
        }
        if self.record.executions.iter().any(|it| it.state == ExecutionState::Failed && it.memo.failure.is_none()) {
            self.watch.replacing_until = Some(self.now.ms.saturating_add(self.job.bidding_ms));
        }
        self.look_for_auditors();
        self.arm_audit();
        let asked = self.asked();
        for (number, state) in self.record.executions.iter().map(|it| (it.number, it.state)).collect::<Vec<_>>() {
            match state {
                ExecutionState::Accepted | ExecutionState::Running => {
                    self.send(number, self.acceptance(number));
                }
                ExecutionState::Won | ExecutionState::Lost => {
                    let published = self.execution(number).is_some_and(|it| it.memo.delivery.is_some());
                    self.notify(number, asked == Some(number) && !published);
                }
                ExecutionState::Published => {
                    self.notify(number, false);
                    self.tell_collected(number);
                }
                ExecutionState::Cancelled => self.tell_cancelled(number, "it is not needed any more"),
                ExecutionState::Proposed | ExecutionState::Failed => {}
            }
        }
        match asked {
            Some(number) => self.collect(number),
            None if self.record.state == ShardState::Publishing => self.watch.closing_ms = Some(self.now.ms),
            None => {}
        }
    }
}
