//! Audits: after the only run of a shard has proposed, another operator may run the shard again, and the results are
//! compared. The provider cannot predict an audit before its proposal. If the results differ, or no other node runs the
//! shard, there is no result; otherwise a provider could avoid audits by keeping others away.

use super::Effect;
use super::fair::{ASK_AGAIN_MS, BEACON_MS, MARGIN_MS, PUBLISHED_MS};
use super::shard::{Shard, bounded, short};
use super::verdict::reasons;
use crate::Task;
use bacalhau_job::{AuditBeacon, AuditRecord, Deal, EventKind, ExecutionRecord, ExecutionState, VerifierKind, audit};
use bacalhau_values::hex::Hex;

impl Shard<'_> {
    /// Decides whether the only run is audited, once its proposal is in and can be read.
    pub(super) fn audit(&mut self) {
        let (rate, spec) = (self.deal().audit_millionths(), self.job.spec());
        if rate == 0 || self.record.audit.is_some() || spec.verifier != VerifierKind::Deterministic {
            return;
        }
        let readable = |it: &&ExecutionRecord| it.state == ExecutionState::Proposed && it.claim.is_some();
        let Some(proposed) = self.record.executions.iter().find(readable) else { return };
        let (execution, Some(proposal)) = (proposed.number, proposed.memo.sealed) else { return };
        let Ok(signature) = self.now.seal.sign(&audit::message(&self.id(execution), &proposal)) else { return };
        let signature = Hex(&signature).to_string();
        let proposed_ms = self.now.ms;
        let beacon = self.now.config.beacon.as_deref().map(|chain| AuditBeacon {
            chain: chain.clone(),
            round: chain.round_after(proposed_ms.saturating_add(MARGIN_MS)),
            proposed_ms,
            signature: None,
        });
        self.record.audit =
            Some(AuditRecord { rate_millionths: rate, execution, proposal, signature, beacon, drawn: false });
        self.out.changed = true;
        self.arm_audit();
        self.decide_audit();
    }

    fn decide_audit(&mut self) {
        let Some(audit) = self.record.audit.as_mut().filter(|audit| !audit.is_pending()) else { return };
        audit.decide();
        let (drawn, execution) = (audit.drawn, audit.execution);
        self.out.changed = true;
        self.watch.audit_asks_ms = None;
        if drawn {
            self.look_for_auditors();
            self.happened(EventKind::Audit, Some(execution), "drawn for an audit: another operator runs it too".into());
        }
    }

    /// Whether the round of the beacon is waited for that decides about the audit.
    pub(super) fn is_audit_pending(&self) -> bool {
        self.record.audit.as_ref().is_some_and(AuditRecord::is_pending)
    }

    /// Sets the time for requesting the beacon round.
    pub(super) fn arm_audit(&mut self) {
        let pending = self.record.audit.as_ref().filter(|audit| audit.is_pending()).and_then(|it| it.beacon.as_ref());
        let asks = pending.map(|beacon| beacon.chain.time_ms(beacon.round).saturating_add(PUBLISHED_MS));
        self.watch.audit_asks_ms = asks.map(|asks| asks.max(self.now.ms));
    }

    /// Requests the beacon round when due.
    pub(super) fn ask_for_audit(&mut self) {
        let due = self.watch.audit_asks_ms.is_some_and(|asks| asks <= self.now.ms);
        let pending = self.record.audit.as_ref().filter(|audit| due && audit.is_pending());
        if let Some(beacon) = pending.and_then(|audit| audit.beacon.as_ref()) {
            // Repeated in case the answer is lost.
            self.watch.audit_asks_ms = Some(self.now.ms.saturating_add(BEACON_MS));
            self.out.all.push(Effect::Task(Task::Beacon { job: self.job.id, round: beacon.round }));
        }
    }

    /// Applies the answer of the beacon. After a timeout, the requester's signature alone decides.
    pub(super) fn audit_by(&mut self, round: u64, result: &Result<String, String>) {
        let Some(audit) = self.record.audit.as_mut().filter(|audit| audit.is_pending()) else { return };
        let Some(beacon) = audit.beacon.as_mut().filter(|beacon| beacon.round == round) else { return };
        match result {
            Ok(signature) => beacon.signature = Some(signature.clone()),
            Err(_) if self.now.ms < beacon.chain.time_ms(round).saturating_add(BEACON_MS) => {
                self.watch.audit_asks_ms = Some(self.now.ms.saturating_add(ASK_AGAIN_MS));
                return;
            }
            Err(_) => audit.beacon = None,
        }
        self.decide_audit();
    }

    /// Whether the only run is audited.
    pub(super) fn is_audited(&self) -> bool {
        self.record.audit.as_ref().is_some_and(|audit| audit.drawn)
    }

    /// Waits for bids on the audit, where it is not made yet.
    pub(super) fn look_for_auditors(&mut self) {
        if self.is_audited() && !self.is_judged() && self.occupied() < self.concurrency() {
            self.watch.replacing_until = Some(self.now.ms.saturating_add(self.job.bidding_ms));
        }
    }

    /// The deal by which proposals are judged: an audit compares two runs.
    pub(super) fn judged_by(&self) -> Deal {
        let deal = self.deal();
        if self.is_audited() { Deal::new(2, 0).unwrap_or(deal) } else { deal }
    }

    /// Why an audited shard has no result.
    pub(super) fn audit_in_words(&self) -> Option<String> {
        let audited = self.record.audit.as_ref().filter(|audit| audit.drawn)?.execution;
        let proposed: Vec<&ExecutionRecord> = self.record.executions.iter().filter(|it| it.h1.is_some()).collect();
        let said = |it: &&ExecutionRecord| {
            let operator = it.operator.as_ref().map(|operator| format!(", {operator}")).unwrap_or_default();
            let h1 = it.h1.as_deref().filter(|h1| !h1.is_empty()).unwrap_or("an unreadable proposal");
            format!("execution {} ({}{operator}) proposed {}", it.number, short(&it.peer), bounded(h1))
        };
        if proposed.len() > 1 {
            let all: Vec<String> = proposed.iter().map(said).collect();
            if proposed.iter().all(|it| it.h1 == proposed[0].h1) {
                return Some(format!("audit disagrees: {}, with claims that differ", all.join(", ")));
            }
            return Some(format!("audit disagrees: {}", all.join(", ")));
        }
        let others: Vec<&ExecutionRecord> = self.record.executions.iter().filter(|it| it.number != audited).collect();
        Some(if others.is_empty() {
            let bids = self.operators_in_words().map(|bids| format!(" ({bids})")).unwrap_or_default();
            let seconds = self.job.bidding_ms / 1000;
            format!("drawn for an audit, and no other operator offered to run it within {seconds} s{bids}")
        } else {
            format!("drawn for an audit, but no other run has a result: {}", reasons(&others))
        })
    }
}
