//! How long executions take here and how many run, for estimates of when there is capacity. Has no clock.

use std::collections::BTreeMap;

use bacalhau_job::ExecutionId;

/// Weight of the past in the mean duration, in parts of [`PARTS`].
const PAST: u64 = 7;
const PARTS: u64 = 8;
/// Longest estimate in milliseconds.
const MOST_MS: u64 = 3_600_000;

/// Running executions, and the mean duration of those that have ended.
#[derive(Debug, Default)]
pub(super) struct Load {
    begun: BTreeMap<ExecutionId, u64>,
    mean_ms: Option<u64>,
}

impl Load {
    pub(super) fn begin(&mut self, execution: ExecutionId, now_ms: u64) {
        self.begun.entry(execution).or_insert(now_ms);
    }

    pub(super) fn end(&mut self, execution: ExecutionId, now_ms: u64) {
        let Some(begun_ms) = self.begun.remove(&execution) else { return };
        let took_ms = now_ms.saturating_sub(begun_ms);
        let mean = |mean_ms: u64| (mean_ms.saturating_mul(PAST).saturating_add(took_ms)) / PARTS;
        self.mean_ms = Some(self.mean_ms.map_or(took_ms, mean));
    }

    /// Milliseconds until a job with so many before it has capacity. `None` until an execution has ended.
    pub(super) fn wait_ms(&self, ahead: u32) -> Option<u64> {
        let at_once = u64::try_from(self.begun.len()).unwrap_or(u64::MAX).max(1);
        let rounds = (u64::from(ahead) + 1).div_ceil(at_once);
        self.mean_ms.map(|mean_ms| mean_ms.saturating_mul(rounds).clamp(1, MOST_MS))
    }
}

#[cfg(test)]
mod tests {
    use bacalhau_job::JobId;

    use super::*;

    #[test]
    fn the_estimate_follows_from_durations_and_places() {
        let job: JobId = "a".repeat(32).parse().unwrap();
        let mut load = Load::default();
        load.begin(job.execution(0, 1), 0);
        assert_eq!(load.wait_ms(3), None, "nothing has ended");
        load.end(job.execution(0, 1), 1_000);
        load.end(job.execution(0, 1), 9_000);
        load.begin(job.execution(1, 1), 0);
        load.begin(job.execution(2, 1), 0);
        assert_eq!(
            [0, 1, 2, u32::MAX].map(|ahead| load.wait_ms(ahead)),
            [Some(1_000), Some(1_000), Some(2_000), Some(MOST_MS)]
        );
        load.end(job.execution(1, 1), 9_000);
        assert_eq!(load.mean_ms, Some(2_000));
    }
}
