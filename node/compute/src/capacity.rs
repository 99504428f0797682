//! Capacity ledger of bids, runs and kept results. Capacity is released in every path: a holder without an entry holds
//! nothing. `assess` computes the needs of jobs.

use std::collections::BTreeMap;

use bacalhau_job::{ExecutionId, JobId, Resources};

/// Holder of capacity: a shard of a job.
pub(super) type Holder = (JobId, u32);

/// The capacity ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    total: Resources,
    per_job: Resources,
    /// The sum of `held` and `stopping`, never above `total`.
    reserved: Resources,
    /// Disk within it of ended executions, whose files are already written.
    written_bytes: u64,
    /// Bytes that can still be written to the disk.
    room_bytes: u64,
    held: BTreeMap<Holder, Held>,
    /// Held by executions that were stopped and have not ended yet.
    stopping: BTreeMap<ExecutionId, Resources>,
}

/// A reservation.
#[derive(Clone, Copy, Debug)]
struct Held {
    resources: Resources,
    /// Whether only the files of an execution are left.
    ended: bool,
}

impl Ledger {
    /// An empty ledger of `total`, with at most `per_job` for one holder, and `room_bytes` of free disk.
    pub(super) fn new(total: Resources, per_job: Resources, room_bytes: u64) -> Self {
        let (held, stopping) = Default::default();
        Self { total, per_job, reserved: NOTHING, written_bytes: 0, room_bytes, held, stopping }
    }

    /// Updates the free disk space in bytes.
    pub(super) fn set_room(&mut self, bytes: u64) {
        self.room_bytes = bytes;
    }

    /// Whether `wanted` would fit into an empty node.
    pub(super) fn could_fit(&self, wanted: Resources) -> bool {
        within(wanted, self.per_job) && within(wanted, self.total)
    }

    /// Whether no program can start with what is left.
    pub(super) fn is_full(&self) -> bool {
        let free = self.free();
        free.cpu_millis == 0 || free.memory_bytes == 0
    }

    /// Reserves `wanted` for `holder` if available. Releases what `holder` held before.
    #[must_use]
    pub(super) fn reserve(&mut self, holder: Holder, wanted: Resources) -> bool {
        self.release(holder);
        let fits = self.could_fit(wanted) && within(wanted, self.available());
        if fits {
            self.reserved = zip(self.reserved, wanted, u64::saturating_add);
            self.held.insert(holder, Held { resources: wanted, ended: false });
        }
        fits
    }

    /// Releases everything except the disk of `holder`: its program has ended, its files remain.
    pub(super) fn keep_disk(&mut self, holder: Holder) {
        if let Some(held) = self.release(holder) {
            let disk = Resources { disk_bytes: held.disk_bytes, ..NOTHING };
            self.reserved = zip(self.reserved, disk, u64::saturating_add);
            self.written_bytes = self.written_bytes.saturating_add(disk.disk_bytes);
            self.held.insert(holder, Held { resources: disk, ended: true });
        }
    }

    /// Releases everything of `holder`. Idempotent.
    pub(super) fn release(&mut self, holder: Holder) -> Option<Resources> {
        let Held { resources, ended } = self.held.remove(&holder)?;
        self.reserved = zip(self.reserved, resources, u64::saturating_sub);
        if ended {
            self.written_bytes = self.written_bytes.saturating_sub(resources.disk_bytes);
        }
        Some(resources)
    }

    /// `execution` was stopped and holds the capacity of `holder` until it has ended.
    pub(super) fn stopping(&mut self, holder: Holder, execution: ExecutionId) {
        if let Some(Held { resources, ended: false }) = self.held.get(&holder).copied() {
            self.held.remove(&holder);
            self.stopping.insert(execution, resources);
        }
    }

    /// A stopped execution has ended. Idempotent.
    pub(super) fn stopped(&mut self, execution: ExecutionId) {
        if let Some(resources) = self.stopping.remove(&execution) {
            self.reserved = zip(self.reserved, resources, u64::saturating_sub);
        }
    }

    /// The sum of all reservations.
    pub(super) fn reserved(&self) -> Resources {
        self.reserved
    }

    /// The rest of the total.
    pub(super) fn free(&self) -> Resources {
        zip(self.total, self.reserved, u64::saturating_sub)
    }

    /// What can be reserved: the rest of the total, limited by free disk space.
    pub(super) fn available(&self) -> Resources {
        let free = self.free();
        let to_be_written = self.reserved.disk_bytes.saturating_sub(self.written_bytes);
        Resources { disk_bytes: free.disk_bytes.min(self.room_bytes.saturating_sub(to_be_written)), ..free }
    }
}

/// No resources.
pub(super) const NOTHING: Resources = Resources { cpu_millis: 0, memory_bytes: 0, disk_bytes: 0 };

/// Whether every part of `wanted` is at most that of `most`.
pub(super) fn within(wanted: Resources, most: Resources) -> bool {
    wanted.cpu_millis <= most.cpu_millis
        && wanted.memory_bytes <= most.memory_bytes
        && wanted.disk_bytes <= most.disk_bytes
}

/// Combines two values part by part.
pub(super) fn zip(one: Resources, other: Resources, by: fn(u64, u64) -> u64) -> Resources {
    Resources {
        cpu_millis: by(one.cpu_millis, other.cpu_millis),
        memory_bytes: by(one.memory_bytes, other.memory_bytes),
        disk_bytes: by(one.disk_bytes, other.disk_bytes),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resources(amount: u64) -> Resources {
        Resources { cpu_millis: amount, memory_bytes: amount, disk_bytes: amount }
    }

    fn job() -> JobId {
        "a".repeat(32).parse().unwrap()
    }

    #[test]
    fn each_bound_counts_by_itself() {
        let mut ledger = Ledger::new(resources(10), resources(6), u64::MAX);
        assert!(!ledger.could_fit(Resources { cpu_millis: 7, ..NOTHING }), "more than a job may have");
        assert!(ledger.reserve((job(), 0), Resources { disk_bytes: 1, ..resources(6) }));
        for (cpu, memory, disk) in [(5, 0, 0), (0, 5, 0)] {
            let wanted = Resources { cpu_millis: cpu, memory_bytes: memory, disk_bytes: disk };
            assert!(!ledger.reserve((job(), 1), wanted), "{wanted:?}");
        }
        assert!(ledger.reserve((job(), 1), Resources { disk_bytes: 6, ..resources(4) }));
        assert!(ledger.is_full());
        ledger.keep_disk((job(), 0));
        assert_eq!(ledger.reserved(), Resources { disk_bytes: 7, ..resources(4) });
    }

    #[test]
    fn no_more_disk_is_promised_than_there_is_room_for() {
        let disk = |bytes| Resources { disk_bytes: bytes, ..NOTHING };
        let mut ledger = Ledger::new(resources(100), resources(100), 10);
        assert!(ledger.reserve((job(), 0), disk(6)));
        assert!(!ledger.reserve((job(), 1), disk(5)), "the first has not written its six yet");
        // The six bytes are written: the free space no longer contains them, and they are not counted twice.
        ledger.keep_disk((job(), 0));
        ledger.set_room(4);
        assert_eq!(ledger.available().disk_bytes, 4);
        assert!(ledger.reserve((job(), 1), disk(4)) && !ledger.reserve((job(), 2), disk(1)));
        assert!(ledger.reserve((job(), 2), disk(0)), "what needs none");
        ledger.release((job(), 0));
        ledger.set_room(10);
        assert_eq!((ledger.available().disk_bytes, ledger.free().disk_bytes), (6, 96), "operators see the second");
    }

    #[test]
    fn what_was_told_to_stop_holds_what_it_has_until_it_has_ended() {
        let mut ledger = Ledger::new(resources(10), resources(10), u64::MAX);
        let execution = job().execution(0, 1);
        assert!(ledger.reserve((job(), 0), resources(6)));
        ledger.stopping((job(), 0), execution);
        assert_eq!(ledger.release((job(), 0)), None, "the shard has nothing any more");
        assert!(!ledger.reserve((job(), 1), resources(5)));
        for _ in 0..2 {
            ledger.stopped(execution);
            assert_eq!(ledger.reserved(), NOTHING);
        }
    }

    proptest! {
        #[test]
        fn promises_are_never_above_the_total_and_all_come_back(
            steps in prop::collection::vec((0_u8..4, 0_u32..6, prop::array::uniform3(0_u64..9)), 0..60),
        ) {
            let total = resources(10);
            let mut ledger = Ledger::new(total, resources(8), u64::MAX);
            let mut model: BTreeMap<u32, Resources> = BTreeMap::new();
            for (step, holder, [cpu_millis, memory_bytes, disk_bytes]) in steps {
                let wanted = Resources { cpu_millis, memory_bytes, disk_bytes };
                match step {
                    0 | 1 => {
                        model.remove(&holder);
                        if ledger.reserve((job(), holder), wanted) {
                            model.insert(holder, wanted);
                        }
                    }
                    2 => {
                        ledger.keep_disk((job(), holder));
                        model.entry(holder).and_modify(|held| *held = Resources { disk_bytes: held.disk_bytes, ..NOTHING });
                    }
                    _ => {
                        ledger.release((job(), holder));
                        model.remove(&holder);
                    }
                }
                let sum = model.values().fold(NOTHING, |sum, held| zip(sum, *held, |a, b| a + b));
                prop_assert_eq!(ledger.reserved(), sum);
                prop_assert!(within(ledger.reserved(), total));
            }
            for holder in 0..6 {
                ledger.release((job(), holder));
            }
            prop_assert_eq!(ledger.reserved(), NOTHING);
        }
    }
}
