//! Configuration of a simulation.

use super::Behaviour;
use bacalhau_compute::ComputeConfig;
use bacalhau_daemon::OutboxConfig;
use bacalhau_job::{Deal, Resources, VerifierKind};
use bacalhau_requester::RequesterConfig;

/// Configuration of a simulation. All times are milliseconds of virtual time.
#[derive(Clone, Debug)]
pub struct Config {
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// Number of nodes.
    pub nodes: usize,
    /// Number of requesters, the first nodes.
    pub requesters: usize,
    /// Nodes from this one on may hold data and run jobs.
    pub first_provider: usize,
    /// Data sets; each job is about one.
    pub data_sets: usize,
    /// Nodes that hold each data set.
    pub holders: usize,
    /// Share of the other nodes that look at a job; the rest drop announcements unread.
    pub curious: f64,
    /// Number of jobs.
    pub jobs: usize,
    /// They are submitted within this time, evenly.
    pub submitting_ms: u64,
    /// How many of them, the last ones, are about data that no node holds.
    pub without_data: usize,
    /// Clients that take turns in submitting them.
    pub clients: usize,
    /// How many of them, the last ones, are of another client, which submits them at the end of that time.
    pub of_second_client: usize,
    /// Maximum shards of a job; at least one.
    pub max_shards: u32,
    /// The deal of every job.
    pub deal: Deal,
    /// The verifier.
    pub verifier: VerifierKind,
    /// Whether jobs are private, so that providers see them after their bid was accepted.
    pub private: bool,
    /// Share of jobs that their client takes back, within a minute.
    pub cancelled: f64,
    /// The shortest and the longest run.
    pub run_ms: (u64, u64),
    /// The jobs' own bound on that, in seconds.
    pub timeout_seconds: u64,
    /// Share of runs that fail on their host.
    pub host_failures: f64,
    /// How nodes reach each other.
    pub links: Links,
    /// How nodes come and go.
    pub churn: Churn,
    /// Maximum clock error in both directions, drawn anew after each restart.
    pub clock_skew_ms: u64,
    /// Behaviours and their number of providers, from the first one on.
    pub behaviours: Vec<(Behaviour, usize)>,
    /// Maximum duration. A job that has not ended by then is a violation.
    pub end_ms: u64,
    /// Whether disks are written after every step, or, to be quicker, only as far as is read again.
    pub write_everything: bool,
    /// Whether the report has the records of all jobs.
    pub keep_records: bool,
    /// How long after its end a job is still checked.
    pub keep_checks_ms: u64,
    /// Configuration of requesters.
    pub requester: RequesterConfig,
    /// Configuration of providers.
    pub compute: ComputeConfig,
    /// Configuration of outboxes.
    pub outbox: OutboxConfig,
}

/// How nodes reach each other.
#[derive(Clone, Debug)]
pub struct Links {
    /// The shortest and the longest time that something takes. As each message takes its own, they overtake each other.
    pub delay_ms: (u64, u64),
    /// Share of announcements, messages and answers that are lost.
    pub loss: f64,
    /// Share of messages that arrive twice.
    pub duplicates: f64,
    /// After how long without an answer a message counts as lost.
    pub timeout_ms: u64,
}

/// How nodes come and go.
#[derive(Clone, Debug)]
pub struct Churn {
    /// End of the faults. Afterwards all surviving nodes are up and reach each other.
    pub until_ms: u64,
    /// Crashes in all, evenly spread over nodes and time.
    pub crashes: usize,
    /// The longest that a node is down.
    pub down_ms: u64,
    /// Nodes that crash once and never come back.
    pub deaths: usize,
    /// Share of steps after which a node crashes with its changes on disk and no effects performed.
    pub half_done: f64,
    /// Times at which the network falls into two parts.
    pub partitions: usize,
    /// How long each lasts.
    pub partition_ms: u64,
}

impl Default for Config {
    /// One job on five honest nodes beside its requester, and a network without faults.
    fn default() -> Self {
        let total = Resources { cpu_millis: 16_000, memory_bytes: 64 << 30, disk_bytes: 256 << 30 };
        Self {
            seed: 1,
            nodes: 6,
            requesters: 1,
            first_provider: 1,
            data_sets: 1,
            holders: 5,
            curious: 1.0,
            jobs: 1,
            submitting_ms: 1,
            without_data: 0,
            clients: 1,
            of_second_client: 0,
            max_shards: 1,
            deal: super::jobs::deal(5, 3, 5),
            verifier: VerifierKind::Deterministic,
            private: false,
            cancelled: 0.0,
            run_ms: (100, 10_000),
            timeout_seconds: 60,
            host_failures: 0.0,
            links: Links { delay_ms: (5, 80), loss: 0.0, duplicates: 0.0, timeout_ms: 10_000 },
            churn: Churn::none(),
            clock_skew_ms: 0,
            behaviours: Vec::new(),
            end_ms: 4 * 3_600_000,
            write_everything: true,
            keep_records: true,
            keep_checks_ms: u64::MAX,
            requester: RequesterConfig::default(),
            compute: ComputeConfig { total, ..ComputeConfig::default() },
            // Messages to permanently failed nodes expire after a day; the simulation would run that long.
            outbox: OutboxConfig { kept_age_ms: 1_200_000, ..OutboxConfig::default() },
        }
    }
}

impl Churn {
    /// Nodes that stay, and reach each other.
    pub fn none() -> Self {
        Self { until_ms: 0, crashes: 0, down_ms: 0, deaths: 0, half_done: 0.0, partitions: 0, partition_ms: 0 }
    }
}
