//! What a waiting person sees of a job: bids, acceptances, executions, proposals and the verdict as they come, and why
//! nothing happens where nothing does. On a terminal that is one line that changes, else a line for each change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libp2p::PeerId;

use super::talk::Talk;
use super::text::harmless;
use crate::job::{Deal, Event, EventKind};

/// How far a job is.
#[derive(Debug)]
pub(super) struct Phases {
    talk: Arc<Talk>,
    progress: Progress,
}

impl Phases {
    /// Those of a job with this deal and so many shards.
    pub(super) fn new(talk: Arc<Talk>, deal: Deal, shards: usize) -> Self {
        Self { talk, progress: Progress { min_bids: deal.min_bids(), count: shards, shards: BTreeMap::new() } }
    }

    /// Says what `event` changes.
    pub(super) fn hear(&mut self, event: &Event) {
        let Some(change) = self.progress.change(event) else { return };
        if change.stays {
            self.talk.say(&change.line);
        } else {
            self.talk.status(&change.line, &self.progress.line());
        }
    }

    /// The job is over, for the person who waits.
    pub(super) fn done(&self) {
        self.talk.done();
    }
}

/// What is counted of a job.
#[derive(Debug, Default)]
struct Progress {
    min_bids: u16,
    /// Shards of the job.
    count: usize,
    shards: BTreeMap<u32, Shard>,
}

#[derive(Debug, Default)]
struct Shard {
    bidders: BTreeSet<PeerId>,
    /// Executions by number: those accepted, those that run, those that proposed, those that failed.
    accepted: BTreeSet<u16>,
    running: BTreeSet<u16>,
    proposed: BTreeSet<u16>,
    failed: BTreeSet<u16>,
    ended: bool,
}

/// Something to be said.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    line: String,
    /// Whether it is worth a line of its own on a terminal too.
    stays: bool,
}

impl Progress {
    /// `None` where an event changes nothing that is shown.
    fn change(&mut self, event: &Event) -> Option<Change> {
        let several = self.count > 1;
        let prefix = event.shard.filter(|_| several).map_or_else(String::new, |shard| format!("shard {shard}: "));
        let min_bids = self.min_bids;
        let shard = self.shards.entry(event.shard.unwrap_or(0)).or_default();
        let said = harmless(&event.text);
        let number = event.execution;
        let (line, stays) = match event.kind {
            EventKind::Created | EventKind::Published => return None,
            // Who bids in a fair draw is not said before it is made.
            EventKind::Bid if event.peer.is_none() => (said, false),
            EventKind::Bid => {
                if !shard.bidders.insert(event.peer?) {
                    return None;
                }
                (bids(shard.bidders.len(), min_bids), false)
            }
            EventKind::Accepted => {
                shard.accepted.extend(number);
                (format!("accepted {}", shard.accepted.len()), false)
            }
            EventKind::Running => {
                shard.accepted.extend(number);
                shard.running.extend(number);
                (format!("running {}", shard.running.len()), false)
            }
            EventKind::Proposed => {
                shard.running.retain(|running| Some(*running) != number);
                shard.proposed.extend(number);
                (format!("proposals {}/{}", shard.proposed.len(), shard.accepted.len()), false)
            }
            EventKind::Failed => {
                shard.running.retain(|running| Some(*running) != number);
                shard.failed.extend(number);
                (number.map_or_else(|| said.clone(), |number| format!("execution {number} failed: {said}")), true)
            }
            EventKind::Draw | EventKind::Verdict | EventKind::Audit => (said, true),
            EventKind::Stalled => (format!("waiting: {said}"), true),
            EventKind::Resumed => (format!("the server was started again: {said}"), true),
            EventKind::Ended(state) => {
                if event.shard.is_some() {
                    shard.ended = true;
                }
                // Whoever waits is told how the job ended anyway.
                event.shard.filter(|_| several)?;
                (state.to_string(), false)
            }
        };
        Some(Change { line: prefix + &line, stays })
    }

    /// All shards together.
    fn line(&self) -> String {
        let sum = |count: fn(&Shard) -> usize| self.shards.values().map(count).sum::<usize>();
        let (bidding, accepted) = (sum(|shard| shard.bidders.len()), sum(|shard| shard.accepted.len()));
        let mut parts = Vec::new();
        if self.count > 1 {
            parts.push(format!("shards {}/{}", sum(|shard| usize::from(shard.ended)), self.count));
            parts.push(format!("bids {bidding}"));
        } else {
            parts.push(bids(bidding, self.min_bids));
        }
        let running = sum(|shard| shard.running.len());
        let proposed = sum(|shard| shard.proposed.len());
        let failed = sum(|shard| shard.failed.len());
        if accepted > 0 {
            parts.push(format!("accepted {accepted}"));
        }
        if running > 0 {
            parts.push(format!("running {running}"));
        }
        if proposed > 0 {
            parts.push(format!("proposals {proposed}/{accepted}"));
        }
        if failed > 0 {
            parts.push(format!("failed {failed}"));
        }
        parts.join(" · ")
    }
}

fn bids(count: usize, min_bids: u16) -> String {
    if min_bids > 1 { format!("bids {count}/{min_bids}") } else { format!("bids {count}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobState;

    fn event(kind: EventKind, shard: u32, execution: Option<u16>, text: &str) -> Event {
        let peer = execution.is_none().then(PeerId::random);
        Event {
            job: "a".repeat(32).parse().unwrap(),
            at_ms: 0,
            shard: Some(shard),
            execution,
            peer,
            kind,
            text: text.into(),
        }
    }

    fn said(progress: &mut Progress, event: &Event) -> String {
        progress.change(event).map_or_else(String::new, |change| change.line)
    }

    #[test]
    fn every_phase_is_said_with_its_counts() {
        let mut progress = Progress { min_bids: 3, count: 1, ..Progress::default() };
        let mut lines = Vec::new();
        for _ in 0..3 {
            lines.push(said(&mut progress, &event(EventKind::Bid, 0, None, "")));
        }
        for number in 1..=2 {
            lines.push(said(&mut progress, &event(EventKind::Accepted, 0, Some(number), "")));
        }
        for number in 1..=2 {
            lines.push(said(&mut progress, &event(EventKind::Running, 0, Some(number), "")));
        }
        lines.push(said(&mut progress, &event(EventKind::Failed, 0, Some(2), "the disk is \x1b[31mfull")));
        lines.push(said(&mut progress, &event(EventKind::Proposed, 0, Some(1), "")));
        assert_eq!(progress.line(), "bids 3/3 · accepted 2 · proposals 1/2 · failed 1");
        lines.push(said(&mut progress, &event(EventKind::Stalled, 0, None, "bids 3/7")));
        lines.push(said(&mut progress, &event(EventKind::Verdict, 0, None, "verdict: verified")));
        lines.push(said(&mut progress, &event(EventKind::Ended(JobState::Completed), 0, None, "")));
        let expected = [
            "bids 1/3",
            "bids 2/3",
            "bids 3/3",
            "accepted 1",
            "accepted 2",
            "running 1",
            "running 2",
            "execution 2 failed: the disk is \\u{1b}[31mfull",
            "proposals 1/2",
            "waiting: bids 3/7",
            "verdict: verified",
            "",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_same_bid_twice_is_one() {
        let mut progress = Progress { min_bids: 1, count: 1, ..Progress::default() };
        let bid = event(EventKind::Bid, 0, None, "");
        assert_eq!(said(&mut progress, &bid), "bids 1");
        assert_eq!(progress.change(&bid), None);
    }

    #[test]
    fn shards_are_told_apart_and_summed_up() {
        let mut progress = Progress { min_bids: 1, count: 3, ..Progress::default() };
        assert_eq!(said(&mut progress, &event(EventKind::Running, 1, Some(1), "")), "shard 1: running 1");
        assert_eq!(said(&mut progress, &event(EventKind::Running, 2, Some(1), "")), "shard 2: running 1");
        let ended = event(EventKind::Ended(JobState::Completed), 1, None, "");
        assert_eq!(said(&mut progress, &ended), "shard 1: Completed");
        assert_eq!(progress.line(), "shards 1/3 · bids 0 · accepted 2 · running 2");
    }
}
