//! Limits on the memory of announced jobs without an execution here. Any peer can announce jobs, so memory is bounded
//! in total, by requester and by client.

use std::collections::BTreeMap;
use std::fmt;

use super::offers::{Parties, Party};
use bacalhau_job::JobId;

/// Limits on the memory of jobs that do not run.
#[derive(Clone, Copy, Debug)]
pub struct HeldLimits {
    /// Total in bytes. Default 64 MiB.
    pub total_bytes: u64,
    /// Percentage for jobs of one requester. Default 50.
    pub requester_percent: u8,
    /// Percentage for jobs of one client. Default 25.
    pub client_percent: u8,
}

impl Default for HeldLimits {
    fn default() -> Self {
        Self { total_bytes: 64 << 20, requester_percent: 50, client_percent: 25 }
    }
}

/// Another announced job would exceed a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldLimitExceeded {
    /// Whose limit; `None` for the total.
    role: Option<&'static str>,
    /// Bytes in use.
    held: u64,
    /// The maximum in bytes.
    most: u64,
}

impl fmt::Display for HeldLimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, held, most } = self;
        let whose = role.map(|role| format!(" of its {role}")).unwrap_or_default();
        write!(f, "jobs{whose} that do not run use {held} bytes here, and the maximum is {most}")
    }
}

impl std::error::Error for HeldLimitExceeded {}

/// Memory of announced jobs.
#[derive(Debug)]
pub(super) struct Held {
    limits: HeldLimits,
    bytes: u64,
    jobs: BTreeMap<JobId, (Parties, u64)>,
    sums: BTreeMap<Party, u64>,
}

impl Held {
    /// Creates an empty account.
    pub(super) fn new(limits: HeldLimits) -> Self {
        Self { limits, bytes: 0, jobs: BTreeMap::new(), sums: BTreeMap::new() }
    }

    /// Whether another job of this size is within the limits.
    ///
    /// # Errors
    /// The exceeded limit.
    pub(super) fn allow(&self, parties: Parties, bytes: u64) -> Result<(), HeldLimitExceeded> {
        let HeldLimits { total_bytes, requester_percent, client_percent } = self.limits;
        for party in parties.each() {
            let (role, percent) = match party {
                Party::Requester(_) => ("requester", requester_percent),
                Party::Client(_) => ("client", client_percent),
            };
            let (held, most) = (self.sums.get(&party).copied().unwrap_or(0), total_bytes / 100 * u64::from(percent));
            if held.saturating_add(bytes) > most {
                return Err(HeldLimitExceeded { role: Some(role), held, most });
            }
        }
        if self.bytes.saturating_add(bytes) > total_bytes {
            return Err(HeldLimitExceeded { role: None, held: self.bytes, most: total_bytes });
        }
        Ok(())
    }

    /// Adds a job.
    pub(super) fn insert(&mut self, job: JobId, parties: Parties, bytes: u64) {
        self.remove(&job);
        self.jobs.insert(job, (parties, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
        for party in parties.each() {
            let sum = self.sums.entry(party).or_default();
            *sum = sum.saturating_add(bytes);
        }
    }

    /// Removes a job that runs or was forgotten. Idempotent.
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
    use libp2p_identity::PeerId;

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
        assert!(held.allow(of(one, Some(one)), 251).unwrap_err().to_string().contains("of its client"));
        held.insert(job(0), of(one, Some(one)), 250);
        held.insert(job(1), of(one, Some(two)), 250);
        assert!(held.allow(of(one, Some(three)), 1).unwrap_err().to_string().contains("of its requester"));
        assert!(
            held.allow(of(two, Some(one)), 1)
                .unwrap_err()
                .to_string()
                .contains("of its client that do not run use 250 bytes")
        );
        held.insert(job(2), of(two, None), 500);
        assert!(
            held.allow(of(three, None), 1)
                .unwrap_err()
                .to_string()
                .contains("use 1000 bytes here, and the maximum is 1000")
        );
        for number in [2, 2, 1, 0] {
            held.remove(&job(number));
        }
        assert!(held.bytes == 0 && held.sums.is_empty() && held.jobs.is_empty());
    }
}
