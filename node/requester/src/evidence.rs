//! Evidence after the verdict: receipts, which must match the vote, and trails of host calls. Together they locate
//! where different runs diverge.

use bacalhau_receipt::{CallTrail, Difference, Receipt};
use bacalhau_tree::Link;

use super::EVIDENCE_MS;
use super::shard::Shard;
use bacalhau_identity::receipts;
use bacalhau_job::{ExecutionRecord, ExecutionState, Finding, Verdict};

/// Digests in a trail at most; honest ones have fewer.
const MAX_TRAIL: usize = 4096;

impl Shard<'_> {
    /// Stores the receipt and trail of an execution. The first evidence is final.
    pub(super) fn evidence(&mut self, number: u16, receipt: Option<Receipt>, calls: CallTrail) {
        let Some(execution) = self.execution(number) else { return };
        if self.record.verdict.is_none() || execution.calls.is_some() || execution.claim.is_none() {
            return;
        }
        let checked = match &receipt {
            Some(receipt) => check(execution, receipt),
            None => Ok(()),
        };
        let checked = checked.and(if calls.kept.len() > MAX_TRAIL { Err("its trail is too long") } else { Ok(()) });
        self.watch.without_evidence.insert(number);
        let Some(execution) = self.change(number) else { return };
        match checked {
            Ok(()) => (execution.receipt, execution.calls) = (receipt, Some(calls)),
            // Equivocation is already recorded for it.
            Err(why) => drop(execution.why.get_or_insert_with(|| why.into())),
        }
        self.find();
    }

    /// No evidence will arrive.
    pub(super) fn no_evidence(&mut self, number: u16) {
        self.watch.without_evidence.insert(number);
    }

    /// Whether nothing more is awaited: neither a publication nor evidence.
    pub(super) fn may_close(&self) -> bool {
        let Some(since) = self.watch.closing_ms else { return false };
        let awaited = |execution: &ExecutionRecord| {
            let judged =
                matches!(execution.state, ExecutionState::Won | ExecutionState::Lost | ExecutionState::Published);
            let comes = !self.watch.without_evidence.contains(&execution.number);
            judged && comes && execution.claim.is_some() && execution.calls.is_none()
        };
        self.now.ms >= since.saturating_add(EVIDENCE_MS) || !self.record.executions.iter().any(awaited)
    }

    /// Compares the evidence so far.
    pub(super) fn find(&mut self) {
        if let Some(verdict) = &self.record.verdict {
            self.record.findings = findings(&self.record.executions, verdict);
        }
    }
}

/// How each execution differs from the winner, or, without one, from the first of the largest group.
pub fn findings(executions: &[ExecutionRecord], verdict: &Verdict) -> Vec<Finding> {
    let readable = verdict.groups.iter().find(|group| !group.h1.is_empty());
    let first = verdict.chosen().or_else(|| readable.and_then(|group| group.executions.first().copied()));
    let Some(against) = first.and_then(|number| executions.iter().find(|it| it.number == number)) else {
        return Vec::new();
    };
    let differs = |it: &&ExecutionRecord| it.claim.is_some() && it.claim != against.claim;
    executions.iter().filter(differs).map(|it| compare(against, it)).collect()
}

/// Whether a receipt matches the execution's ballot and has its provider's signature. The only place where receipts are
/// checked.
fn check(execution: &ExecutionRecord, receipt: &Receipt) -> Result<(), &'static str> {
    if execution.claim != Some(Link::of_dag_cbor(&receipt.claim.to_dag_cbor())) {
        Err("its receipt claims something else than it voted for")
    } else if execution.h1.as_ref() != Some(&receipt.claim.h1) {
        Err("its receipt has another hash than it voted for")
    } else if !receipts::check(receipt).is_ok_and(|signers| signers.contains(&execution.peer)) {
        Err("its receipt is not signed by it")
    } else {
        Ok(())
    }
}

/// How one execution differs from another: by their receipts, or else by their ballots.
fn compare(against: &ExecutionRecord, other: &ExecutionRecord) -> Finding {
    let differences = match (&against.receipt, &other.receipt) {
        (Some(expected), Some(found)) => expected.differences(found),
        _ => by_ballot(against, other),
    };
    let parted = against.calls.as_ref().zip(other.calls.as_ref()).and_then(|(ours, theirs)| ours.parted(theirs));
    let parted = parted.map(|parted| parted.to_string());
    Finding { execution: other.number, against: against.number, differences, parted }
}

fn by_ballot(against: &ExecutionRecord, other: &ExecutionRecord) -> Vec<Difference> {
    let texts = |it: &ExecutionRecord| {
        let outcome = it.outcome.map(|outcome| outcome.to_string());
        [("outcome", outcome), ("fuel", it.fuel.map(|fuel| fuel.to_string())), ("h1", it.h1.clone())]
    };
    let pairs = texts(against).into_iter().zip(texts(other));
    let differs = pairs.filter(|(expected, found)| expected != found);
    let text = |text: Option<String>| text.unwrap_or_default();
    differs
        .map(|((what, expected), (_, found))| Difference {
            what: what.into(),
            expected: text(expected),
            found: text(found),
        })
        .collect()
}
