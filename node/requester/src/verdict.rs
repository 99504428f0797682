//! From proposals to the verdict, and its notification to all that proposed. `verify` counts the votes.

use super::STRAGGLERS_MS;
use super::shard::Shard;
use bacalhau_job::{EventKind, ExecutionRecord, ExecutionState, FailureKind, Rule, ShardState, Verdict, VerifierKind};
use bacalhau_protocol::{Message, VerdictNotice};
use bacalhau_verify::{Content, Deterministic, Noop, Proposal, Verifier};

/// Executions of which a sentence gives the reasons; of the others it has the number.
const NAMED: usize = 3;

impl Shard<'_> {
    /// Decides the verdict when as many runs as the deal needs were begun, and all have proposed and no replacement can
    /// follow, or shortly after no outstanding vote can change it.
    pub(super) fn judge(&mut self) {
        if self.is_judged() || self.is_audit_pending() {
            return;
        }
        // Fewer runs than the job asks for are not its result, even if no further one could change it.
        if !self.has_its_executions() {
            self.watch.decided_ms = None;
            return;
        }
        let outstanding = self.count(ExecutionState::is_pending) + self.replacements();
        let verifier: &dyn Verifier = match self.job.spec().verifier {
            VerifierKind::Deterministic => &Deterministic,
            VerifierKind::Noop => &Noop,
        };
        let proposals: Vec<Proposal<'_>> = self.record.executions.iter().map(proposal).collect();
        let Some(verdict) = verifier.decided(self.judged_by(), &proposals, outstanding) else {
            self.watch.decided_ms = None;
            return;
        };
        let since = *self.watch.decided_ms.get_or_insert(self.now.ms);
        if outstanding == 0 || self.now.ms >= since.saturating_add(STRAGGLERS_MS) {
            self.conclude(verdict);
        }
    }

    fn conclude(&mut self, verdict: Verdict) {
        let standing = verdict.standing();
        let faulty = verdict.groups.iter().flat_map(|group| &group.faulty);
        for number in faulty {
            let Some(execution) = self.change(*number) else { continue };
            let why = "its claim differs from most of those with the same results";
            execution.why.get_or_insert_with(|| why.into());
        }
        self.dismiss(&self.numbers(ExecutionState::is_pending), "the verdict was reached without it");
        let text = self.verdict_in_words(&verdict);
        self.record.verdict = Some(verdict);
        self.stands(ShardState::Publishing);
        self.happened(EventKind::Verdict, None, text);
        for number in self.numbers(|state| state == ExecutionState::Proposed) {
            let won = standing.contains(&number);
            let Some(execution) = self.change(number) else { continue };
            execution.state = if won { ExecutionState::Won } else { ExecutionState::Lost };
            self.notify(number, standing.first() == Some(&number));
        }
        self.reject_open_bids();
        self.find();
        self.watch.asked_ms = self.now.ms;
        if standing.is_empty() {
            self.watch.closing_ms = Some(self.now.ms);
        }
    }

    /// Notifies an execution of the verdict, and whether it is to publish.
    pub(super) fn notify(&mut self, number: u16, publish: bool) {
        let Some(execution) = self.execution(number) else { return };
        let notice = VerdictNotice {
            execution: self.id(number),
            won: matches!(execution.state, ExecutionState::Won | ExecutionState::Published),
            publish,
            evidence: execution.calls.is_none(),
        };
        self.send(number, Message::Verdict(notice));
    }

    fn verdict_in_words(&self, verdict: &Verdict) -> String {
        let agree = verdict.groups.first().map_or(0, |group| group.executions.len());
        let votes = self.count(|state| state == ExecutionState::Proposed);
        let rule = verdict.rule.explanation();
        match verdict.rule {
            Rule::NoProposal | Rule::NotCompared | Rule::OneRun => format!("verdict: {rule}"),
            _ => format!("verdict: {agree} of {votes} agree: {rule}"),
        }
    }

    /// Why there is no result without a winner.
    pub(super) fn no_result(&self) -> String {
        let Some(verdict) = &self.record.verdict else { return String::new() };
        if let Some(why) = self.audit_in_words() {
            return why;
        }
        let executions = &self.record.executions;
        match verdict.rule {
            Rule::NoProposal => {
                let failed: Vec<&ExecutionRecord> =
                    executions.iter().filter(|execution| execution.state == ExecutionState::Failed).collect();
                let refused = |execution: &&ExecutionRecord| execution.memo.failure == Some(FailureKind::Refused);
                if !failed.is_empty() && failed.iter().all(refused) {
                    let why = failed.first().and_then(|execution| execution.why.as_deref()).unwrap_or_default();
                    format!("all {} providers refused it: {why}", failed.len())
                } else {
                    format!("{}: {}", verdict.rule.explanation(), reasons(&failed))
                }
            }
            Rule::Unreadable | Rule::OneRun | Rule::NotCompared => {
                let unreadable: Vec<&ExecutionRecord> =
                    executions.iter().filter(|execution| execution.h1.as_deref() == Some("")).collect();
                format!("most proposals could not be read: {}", reasons(&unreadable))
            }
            Rule::BelowConfidence => {
                let agree = verdict.groups.first().map_or(0, |group| group.executions.len());
                format!("{}: {agree} of {}", verdict.rule.explanation(), self.deal().confidence())
            }
            rule => rule.explanation().into(),
        }
    }
}

/// The reasons of executions, the first few.
pub(super) fn reasons(executions: &[&ExecutionRecord]) -> String {
    let reason =
        |it: &&ExecutionRecord| format!("execution {}: {}", it.number, it.why.as_deref().unwrap_or("no reason"));
    let mut reasons: Vec<String> = executions.iter().take(NAMED).map(reason).collect();
    if executions.len() > NAMED {
        reasons.push(format!("and {} more", executions.len() - NAMED));
    }
    reasons.join("; ")
}

/// The vote of an execution.
fn proposal(execution: &ExecutionRecord) -> Proposal<'_> {
    let content = match (execution.state, execution.h1.as_deref(), execution.claim) {
        (ExecutionState::Proposed, Some(h1), Some(claim)) => Content::Vote { h1, claim },
        (ExecutionState::Proposed, _, _) => Content::Unreadable,
        _ => Content::Absent,
    };
    Proposal { execution: execution.number, content }
}
