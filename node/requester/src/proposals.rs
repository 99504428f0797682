//! Decrypts proposals. An invalid one counts as the empty hash, with the reason in the record.

use bacalhau_tree::Link;
use libp2p_identity::PeerId;

use super::shard::{Shard, bounded, short};
use bacalhau_job::{EventKind, ExecutionState};
use bacalhau_protocol::{Ballot, MAX_SEALED_BYTES};

/// The reason for equivocation.
const CONTRADICTION: &str = "equivocation: two different proposals for one execution";

impl Shard<'_> {
    /// The proposal of an execution. An equal one is a repetition; a different one is equivocation, which is recorded,
    /// and before the verdict it invalidates the first.
    pub(super) fn propose(&mut self, number: u16, sealed: &[u8]) {
        let digest = Link::of_raw(sealed);
        let Some(execution) = self.execution(number) else { return };
        match execution.memo.sealed {
            Some(known) if known == digest => {}
            Some(_) => self.contradict(number),
            None if execution.state.is_pending() => {
                let read = self.read(number, execution.peer, sealed);
                self.record_proposal(number, digest, read);
            }
            None => {}
        }
    }

    fn contradict(&mut self, number: u16) {
        if self.execution(number).is_some_and(|execution| execution.why.as_deref() == Some(CONTRADICTION)) {
            return;
        }
        let Some(execution) = self.change(number) else { return };
        execution.why = Some(CONTRADICTION.into());
        if execution.state == ExecutionState::Proposed {
            execution.h1 = Some(String::new());
            (execution.claim, execution.outcome, execution.fuel) = (None, None, None);
        }
        let text = format!("{}: {CONTRADICTION}", self.proposals_in_words());
        self.happened(EventKind::Proposed, Some(number), text);
    }

    fn record_proposal(&mut self, number: u16, digest: Link, read: Result<Ballot, String>) {
        let now_ms = self.now.ms;
        let Some(execution) = self.change(number) else { return };
        execution.state = ExecutionState::Proposed;
        execution.ended_ms = Some(now_ms);
        execution.memo.sealed = Some(digest);
        let why = match read {
            Ok(ballot) => {
                execution.claim = Some(ballot.claim);
                execution.outcome = Some(ballot.outcome);
                execution.fuel = Some(ballot.fuel);
                execution.memo.salt = Some(ballot.salt);
                execution.h1 = Some(ballot.h1);
                None
            }
            Err(why) => {
                execution.h1 = Some(String::new());
                Some(bounded(&why))
            }
        };
        execution.why.clone_from(&why);
        let mut text = self.proposals_in_words();
        if let Some(why) = why {
            text = format!("{text}: {why}");
        }
        self.happened(EventKind::Proposed, Some(number), text);
    }

    /// The ballot, if it is this execution's.
    fn read(&self, number: u16, peer: PeerId, sealed: &[u8]) -> Result<Ballot, String> {
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(format!("its proposal is too large: {} bytes of at most {MAX_SEALED_BYTES}", sealed.len()));
        }
        let ballot = self.now.seal.open(sealed).map_err(|error| format!("its proposal cannot be read: {error}"))?;
        let copied = self.record.executions.iter().find(|other| other.memo.salt.as_ref() == Some(&ballot.salt));
        if ballot.execution != self.id(number) {
            Err(format!("its proposal was sealed for another execution: {}", ballot.execution))
        } else if ballot.provider != peer {
            Err(format!("its proposal was sealed by another provider: {}", short(&ballot.provider)))
        } else if ballot.requester != self.now.me {
            Err(format!("its proposal was sealed for another requester: {}", short(&ballot.requester)))
        } else if let Some(other) = copied {
            Err(format!("its proposal has the salt of execution {}: it was copied or replayed", other.number))
        } else if ballot.h1.is_empty() {
            Err("its proposal names no hash".into())
        } else {
            Ok(ballot)
        }
    }

    pub(super) fn proposals_in_words(&self) -> String {
        format!("proposals {}/{}", self.count(|state| state == ExecutionState::Proposed), self.concurrency())
    }
}
