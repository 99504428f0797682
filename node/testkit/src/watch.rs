//! What happens to a job, event by event as the API streams it, and what must be true of every job's history.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use bacalhau_job::{Event, EventKind, JobRecord, JobState};

use crate::node::Node;
use crate::wait::BOUND;

/// The events of a job, from the first one.
pub struct Watch {
    node: String,
    job: String,
    coming: Receiver<Event>,
    seen: Vec<Event>,
}

/// A job that has come to its end.
pub struct Ended {
    /// The job when it has ended.
    pub record: JobRecord,
    /// All its events.
    pub events: Vec<Event>,
}

impl Watch {
    /// Follows `job` at `node`.
    pub fn begin(node: &Node, job: &str) -> Self {
        let (send, coming) = channel();
        let events = node.client().follow_events(job, 0).unwrap();
        thread::spawn(move || {
            for event in events.map_while(Result::ok) {
                // A test that has seen enough has hung up.
                if send.send(event.event).is_err() {
                    return;
                }
            }
        });
        Self { node: node.log(), job: job.into(), coming, seen: Vec::new() }
    }

    /// Waits for an event, which may have happened before.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        if let Some(event) = self.seen.iter().find(|event| wanted(event)) {
            return event.clone();
        }
        let since = Instant::now();
        loop {
            let left = BOUND.saturating_sub(since.elapsed());
            let Ok(event) = self.coming.recv_timeout(left) else {
                panic!("{what} of {} has not come\n{:#?}\n{}", self.job, self.texts(), self.node)
            };
            self.seen.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Waits for `count` events of a kind.
    pub fn until_all(&mut self, kind: EventKind, count: usize) {
        let mut found = self.seen.iter().filter(|event| event.kind == kind).count();
        let since = Instant::now();
        while found < count {
            let Ok(event) = self.coming.recv_timeout(BOUND.saturating_sub(since.elapsed())) else {
                panic!("{found} of {count} {kind:?} of {} have come\n{:#?}", self.job, self.texts())
            };
            found += usize::from(event.kind == kind);
            self.seen.push(event);
        }
    }

    fn texts(&self) -> Vec<&str> {
        self.seen.iter().map(|event| event.text.as_str()).collect()
    }

    /// Waits for the end of the job, and checks its history.
    pub fn end(mut self, node: &Node) -> Ended {
        let ended = |event: &Event| event.shard.is_none() && matches!(event.kind, EventKind::Ended(_));
        self.until("the end", ended);
        let record = node.client().job(&self.job).unwrap().record;
        while let Ok(event) = self.coming.recv_timeout(BOUND) {
            self.seen.push(event);
        }
        let ended = Ended { record, events: self.seen };
        ended.check();
        ended
    }
}

impl Ended {
    /// Invariants of every history: no step happens twice, and each failure has a reason.
    fn check(&self) {
        let shown = || format!("{:#?}", self.texts());
        let mut counts = BTreeMap::<_, usize>::new();
        for event in &self.events {
            let once = match event.kind {
                EventKind::Accepted | EventKind::Proposed => ("execution", event.shard, event.execution),
                EventKind::Verdict | EventKind::Published => ("shard", event.shard, None),
                EventKind::Created | EventKind::Ended(_) => ("job", event.shard, None),
                _ => continue,
            };
            let name = match event.kind {
                EventKind::Ended(_) => "ended".into(),
                kind => format!("{kind:?}"),
            };
            *counts.entry((name, once)).or_default() += 1;
        }
        for (what, count) in &counts {
            assert_eq!(*count, 1, "{what:?}: {}", shown());
        }
        for shard in &self.record.shards {
            assert!(shard.state.is_final(), "{}", shown());
            assert!(shard.published.is_some() || shard.why.is_some(), "no result and no reason: {}", shown());
            for (number, execution) in (1..).zip(&shard.executions) {
                assert_eq!(execution.number, number, "{}", shown());
            }
        }
    }

    /// Its text.
    pub fn texts(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.text.as_str()).collect()
    }

    /// Whether an event of this kind has happened.
    pub fn has(&self, kind: EventKind) -> bool {
        self.events.iter().any(|event| event.kind == kind)
    }

    /// With the history where it is not.
    pub fn assert_state(&self, state: JobState) {
        assert_eq!(self.record.state, state, "{:#?}", self.texts());
    }
}
