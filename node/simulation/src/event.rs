//! Future events in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bacalhau_compute::Ran;
use bacalhau_daemon::Input;
use bacalhau_job::{Announced, ExecutionId, FailureKind, JobId};
use bacalhau_protocol::{Message, Reply, SendError, Versions};

/// A simulated event.
#[derive(Debug)]
pub(super) enum Event {
    /// A client submits the job with this number.
    Submit { number: usize },
    /// A client takes a job back.
    Cancel { node: usize, job: JobId },
    /// A timer of a node.
    Wake { node: usize, life: u32 },
    /// Heartbeats of a node are due.
    Heartbeat { node: usize, life: u32 },
    /// An announcement arrives.
    Announced { node: usize, job: Announced, versions: Versions },
    /// A message arrives.
    Deliver(Box<Delivery>),
    /// The answer to a message arrives, or its time is over.
    Answer { node: usize, life: u32, id: u64, result: Result<Reply, SendError> },
    /// A driver has finished.
    Driver { node: usize, life: u32, input: Box<Input> },
    /// An execution has ended.
    Ran { node: usize, life: u32, execution: ExecutionId, result: Result<Box<Ran>, (FailureKind, String)> },
    /// A node ends, and starts again at that time, if at all.
    Crash { node: usize, until_ms: Option<u64> },
    /// The node starts again.
    Start { node: usize },
    /// The network falls into two parts.
    Part,
    /// It is whole again.
    Heal,
}

/// A message that arrives.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) from: usize,
    pub(super) from_life: u32,
    pub(super) to: usize,
    /// Its number at the sender, which waits for the answer. Copies have none.
    pub(super) id: Option<u64>,
    pub(super) message: Message,
}

impl Event {
    /// Its entry in the trace: kind and node.
    pub(super) fn trace(&self) -> (u8, usize) {
        match self {
            Self::Submit { number } => (0, *number),
            Self::Cancel { node, .. } => (1, *node),
            Self::Wake { node, .. } => (2, *node),
            Self::Announced { node, .. } => (3, *node),
            Self::Deliver(delivery) => (4, delivery.to),
            Self::Answer { node, .. } => (5, *node),
            Self::Driver { node, .. } => (6, *node),
            Self::Ran { node, .. } => (7, *node),
            Self::Crash { node, .. } => (8, *node),
            Self::Start { node } => (9, *node),
            Self::Part => (10, 0),
            Self::Heal => (11, 0),
            Self::Heartbeat { node, .. } => (12, *node),
        }
    }
}

/// Future events by time, ties in order of insertion.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(u64, u64, Slot)>>,
    decided: u64,
}

/// An event without an order of its own.
#[derive(Debug)]
struct Slot(Event);

impl PartialEq for Slot {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Slot {}

impl PartialOrd for Slot {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Slot {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Agenda {
    pub(super) fn at(&mut self, at_ms: u64, event: Event) {
        self.decided += 1;
        self.heap.push(Reverse((at_ms, self.decided, Slot(event))));
    }

    pub(super) fn next(&mut self) -> Option<(u64, Event)> {
        self.heap.pop().map(|Reverse((at, _, Slot(event)))| (at, event))
    }
}
