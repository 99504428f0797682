//! Shows the progress of a job: bids, accepts, executions, proposals and the verdict, and the reason for delays. On a
//! terminal one line is updated, otherwise each change is a line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libp2p::PeerId;

use super::progress_output::Ui;
use super::text::harmless;
use bacalhau_job::{Deal, Event, EventKind};

/// The progress of a job.
#[derive(Debug)]
pub(super) struct Phases {
    ui: Arc<Ui>,
    progress: Progress,
}

impl Phases {
    /// The progress of a job with this deal and number of shards.
    pub(super) fn new(ui: Arc<Ui>, deal: Deal, shards: usize) -> Self {
        Self { ui, progress: Progress { min_bids: deal.min_bids(), count: shards, shards: BTreeMap::new() } }
    }

    /// Reports the change by `event`.
    pub(super) fn hear(&mut self, event: &Event) {
        let Some(change) = self.progress.change(event) else { return };
        if change.stays {
            self.ui.say(&change.line);
        } else {
            self.ui.status(&change.line, &self.progress.line());
        }
    }

    /// Ends the progress display.
    pub(super) fn done(&self) {
        self.ui.done();
    }
}

/// The counts of a job.
#[derive(Debug, Default)]
struct Progress {
    min_bids: u16,
    /// Number of shards.
    count: usize,
    shards: BTreeMap<u32, Shard>,
}

#[derive(Debug, Default)]
struct Shard {
    bidders: BTreeSet<PeerId>,
    /// Numbers of the executions that were accepted, run, proposed, and failed.
    accepted: BTreeSet<u16>,
    running: BTreeSet<u16>,
    proposed: BTreeSet<u16>,
    failed: BTreeSet<u16>,
    ended: bool,
}

/// A change to report.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    line: String,
    /// Whether it stays as its own line on a terminal.
    stays: bool,
}

impl Progress {
    /// `None` when the event changes no displayed count.
    fn change(&mut self, event: &Event) -> Option<Change> {
        let several = self.count > 1;
        let prefix = event.shard.filter(|_| several).map_or_else(String::new, |shard| format!("shard {shard}: "));
        let min_bids = self.min_bids;
        let shard = self.shards.entry(event.shard.unwrap_or(0)).or_default();
        let said = harmless(&event.text);
        let number = event.execution;
        let (line, stays) = match event.kind {
            EventKind::Created | EventKind::Published => return None,
            // A fair draw hides its bidders until it is made.
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
            EventKind::Stalled if said.starts_with("queued: ") => (said, true),
            EventKind::Stalled => (format!("waiting: {said}"), true),
            EventKind::Resumed => (format!("the server was restarted: {said}"), true),
            EventKind::Ended(state) => {
                if event.shard.is_some() {
                    shard.ended = true;
                }
                // The outcome is reported when the wait ends.
                event.shard.filter(|_| several)?;
                (state.to_string(), false)
            }
        };
        Some(Change { line: prefix + &line, stays })
    }

    /// The counts of all shards together.
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
    use bacalhau_job::JobState;

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
