//! Memory of announced jobs that this node holds although nothing of them runs here. Anybody can announce jobs, so it is bounded:
//! in all, for each requester and for each client.

use std::collections::BTreeMap;

use super::offers::{Parties, Party};
use crate::job::JobId;

/// Bounds of the memory of jobs that do not run.
#[derive(Clone, Copy, Debug)]
pub struct HeldLimits {
    /// Of all jobs, in bytes. Default 64 MiB.
    pub total_bytes: u64,
    /// Hundredths of that for jobs of one requester. Default 50.
    pub requester_percent: u8,
    /// Hundredths of that for jobs of one client. Default 25.
    pub client_percent: u8,
}

impl Default for HeldLimits {
    fn default() -> Self {
        Self { total_bytes: 64 << 20, requester_percent: 50, client_percent: 25 }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Held {
    limits: HeldLimits,
    bytes: u64,
    jobs: BTreeMap<JobId, (Parties, u64)>,
    sums: BTreeMap<Party, u64>,
}

impl Held {
    /// Nothing.
    pub(super) fn new(limits: HeldLimits) -> Self {
        Self { limits, bytes: 0, jobs: BTreeMap::new(), sums: BTreeMap::new() }
    }

    /// Whether there is room for another job of so many bytes.
    ///
    /// # Errors
    /// Which bound it would exceed.
    pub(super) fn allow(&self, parties: Parties, bytes: u64) -> Result<(), String> {
        let HeldLimits { total_bytes, requester_percent, client_percent } = self.limits;
        for party in parties.each() {
            let (role, percent) = match party {
                Party::Requester(_) => ("requester", requester_percent),
                Party::Client(_) => ("client", client_percent),
            };
            let (held, most) = (self.sums.get(&party).copied().unwrap_or(0), total_bytes / 100 * u64::from(percent));
            if held.saturating_add(bytes) > most {
                return Err(format!("jobs of its {role} that do not run hold {held} bytes here, of {most} at most"));
            }
        }
        if self.bytes.saturating_add(bytes) > total_bytes {
            let held = self.bytes;
            return Err(format!("jobs that do not run hold {held} bytes here, of {total_bytes} at most"));
        }
        Ok(())
    }

    /// Notes that a job is held.
    pub(super) fn insert(&mut self, job: JobId, parties: Parties, bytes: u64) {
        self.remove(&job);
        self.jobs.insert(job, (parties, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
        for party in parties.each() {
            let sum = self.sums.entry(party).or_default();
            *sum = sum.saturating_add(bytes);
        }
    }

    /// Notes that a job runs, or is forgotten. A second time changes nothing.
    pub(super) fn remove(&mut self, job: &JobId) {
        let Some((parties, bytes)) = self.jobs.remove(job) else { return };
        self.bytes = self.bytes.saturating_sub(bytes);
        for party in parties.each() {
            let Some(sum) = self.sums.get_mut(&party) else { continue };
            *sum = sum.saturating_sub(bytes);
            if *sum == 0 {
                self.sums.remove(&party);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;

    fn job(number: u64) -> JobId {
        format!("{}{}", ["a", "b", "c", "d"][usize::try_from(number).unwrap()], "a".repeat(31)).parse().unwrap()
    }

    #[test]
    fn memory_is_bounded_for_a_requester_a_client_and_in_all() {
        let [one, two, three] = [(); 3].map(|()| PeerId::random());
        let of = |requester, client| Parties { requester, client };
        let limits = HeldLimits { total_bytes: 1000, requester_percent: 50, client_percent: 25 };
        let mut held = Held::new(limits);
        assert!(held.allow(of(one, Some(one)), 251).unwrap_err().contains("of its client"));
        held.insert(job(0), of(one, Some(one)), 250);
        held.insert(job(1), of(one, Some(two)), 250);
        assert!(held.allow(of(one, Some(three)), 1).unwrap_err().contains("of its requester"));
        assert!(
            held.allow(of(two, Some(one)), 1).unwrap_err().contains("of its client that do not run hold 250 bytes")
        );
        held.insert(job(2), of(two, None), 500);
        assert!(held.allow(of(three, None), 1).unwrap_err().contains("hold 1000 bytes here, of 1000 at most"));
        for number in [2, 2, 1, 0] {
            held.remove(&job(number));
        }
        assert!(held.bytes == 0 && held.sums.is_empty() && held.jobs.is_empty());
    }
}
