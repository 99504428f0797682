//! State of a node that survives a crash.

use std::collections::{BTreeMap, BTreeSet};

use bacalhau_compute::Ran;
use bacalhau_daemon::{Changes, Core};
use bacalhau_job::{ExecutionId, JobId, JobRecord};

/// State restored at a start: job records, provider records, and messages by number.
pub(super) type Kept = (Vec<JobRecord>, Vec<Vec<u8>>, Vec<(u64, Vec<u8>)>);

/// The disk of a node.
#[derive(Debug, Default)]
pub(super) struct Disk {
    jobs: BTreeMap<JobId, JobRecord>,
    provided: BTreeMap<JobId, Vec<u8>>,
    /// Messages that are sent until they are taken.
    messages: BTreeMap<u64, Vec<u8>>,
    /// Deferred changes, applied on reading, for speed.
    unwritten: (BTreeSet<JobId>, BTreeSet<JobId>),
    /// Results of executions, until they are discarded.
    pub(super) results: BTreeMap<ExecutionId, Box<Ran>>,
    /// Hashes of published results.
    pub(super) published: BTreeMap<ExecutionId, String>,
}

impl Disk {
    /// Puts changes on disk.
    pub(super) fn write(&mut self, core: &Core, changes: &Changes, everything: bool) {
        for (number, message) in &changes.messages {
            match message {
                Some(message) => drop(self.messages.insert(*number, message.clone())),
                None => drop(self.messages.remove(number)),
            }
        }
        if everything {
            for job in &changes.jobs {
                self.write_job(core, *job);
            }
            for job in &changes.provided {
                self.write_provided(core, *job);
            }
        } else {
            self.unwritten.0.extend(&changes.jobs);
            self.unwritten.1.extend(&changes.provided);
        }
    }

    /// Applies deferred changes while the core exists.
    pub(super) fn sync(&mut self, core: &Core) {
        let (jobs, provided) = std::mem::take(&mut self.unwritten);
        for job in jobs {
            self.write_job(core, job);
        }
        for job in provided {
            self.write_provided(core, job);
        }
    }

    fn write_job(&mut self, core: &Core, job: JobId) {
        if let Some(record) = core.record(&job) {
            self.jobs.insert(job, record.clone());
        }
    }

    fn write_provided(&mut self, core: &Core, job: JobId) {
        match core.provider_record(&job) {
            Some(record) => self.provided.insert(job, record),
            None => self.provided.remove(&job),
        };
    }

    /// Drops the record of a job that has ended. A node keeps it, but does not read it again by itself.
    pub(super) fn ended(&mut self, job: &JobId) {
        self.jobs.remove(job);
        self.unwritten.0.remove(job);
    }

    /// State restored at a start: unfinished jobs, all provider records, and messages.
    pub(super) fn read(&self) -> Kept {
        let open = self.jobs.values().filter(|record| !record.state.is_final());
        let messages = self.messages.iter().map(|(number, message)| (*number, message.clone()));
        (open.cloned().collect(), self.provided.values().cloned().collect(), messages.collect())
    }
}
