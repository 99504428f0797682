//! Metrics of a node in the `OpenMetrics` format for Prometheus. This crate has the names; each component updates its
//! own.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use bacalhau_job::{ExecutionState, JobState, Rule};

/// All names with descriptions. Counters have the suffix `_total`.
pub const NAMES: [(&str, &str); 14] = [
    ("bacalhau_jobs", "Jobs of this requester, by state"),
    ("bacalhau_queue_jobs", "Jobs of this requester that have not found all of their providers"),
    ("bacalhau_queue_seconds", "How long shards of this requester waited for their first provider"),
    ("bacalhau_jobs_submitted", "Jobs that were accepted from clients"),
    ("bacalhau_bids", "Bids of this provider on jobs of other nodes, by outcome"),
    ("bacalhau_executions", "Executions of jobs of this requester that ended, by state"),
    ("bacalhau_verdicts", "Verdicts of this requester, by the rule that decided"),
    ("bacalhau_run_seconds", "How long executions ran on this provider"),
    ("bacalhau_http_requests", "Requests to the API that were answered, by route, method and status"),
    ("bacalhau_http_seconds", "How long requests to the API took up to the head of the answer"),
    ("bacalhau_http_refused", "Requests and connections that were refused because there were too many, by bound"),
    ("bacalhau_dispatched", "Events of executions that are dispatched to a cluster, by kind"),
    ("bacalhau_dispatched_jobs", "Executions that wait for a worker of a cluster, by phase of their job"),
    ("bacalhau_p2p", "Events of the peer-to-peer network, by kind"),
];
/// Content type for Prometheus.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Seconds: from a no-op to a day.
const RUN_BUCKETS: [f64; 10] = [0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 86_400.0];
/// Seconds until a shard has its first provider.
const QUEUE_BUCKETS: [f64; 9] = [0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 86_400.0];
/// Seconds of a request.
const HTTP_BUCKETS: [f64; 8] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];

type Labels<const N: usize> = [(&'static str, String); N];
type Counts<const N: usize> = Family<Labels<N>, Counter>;
type Source = Box<dyn Fn() -> Vec<(String, u64)> + Send + Sync>;

/// The counters of one node.
pub struct Metrics {
    registry: Registry,
    jobs: Family<Labels<1>, Gauge>,
    queue_jobs: Gauge,
    queue_seconds: Histogram,
    submitted: Counter,
    bids: Counts<1>,
    executions: Counts<1>,
    verdicts: Counts<1>,
    run_seconds: Histogram,
    http_requests: Counts<3>,
    http_seconds: Histogram,
    http_refused: Counts<1>,
    p2p: Arc<OnceLock<Source>>,
    dispatched: Arc<OnceLock<Source>>,
    dispatched_jobs: Arc<OnceLock<Source>>,
}

/// Outcome of a bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BidFate {
    /// Sent.
    Sent,
    /// Accepted.
    Accepted,
    /// Rejected.
    Rejected,
    /// It was taken back.
    Withdrawn,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            jobs: Family::default(),
            queue_jobs: Gauge::default(),
            queue_seconds: Histogram::new(QUEUE_BUCKETS),
            submitted: Counter::default(),
            bids: Family::default(),
            executions: Family::default(),
            verdicts: Family::default(),
            run_seconds: Histogram::new(RUN_BUCKETS),
            http_requests: Family::default(),
            http_seconds: Histogram::new(HTTP_BUCKETS),
            http_refused: Family::default(),
            p2p: Arc::default(),
            dispatched: Arc::default(),
            dispatched_jobs: Arc::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("bacalhau_jobs", help("bacalhau_jobs"), metrics.jobs.clone());
        registry.register("bacalhau_queue_jobs", help("bacalhau_queue_jobs"), metrics.queue_jobs.clone());
        registry.register("bacalhau_queue_seconds", help("bacalhau_queue_seconds"), metrics.queue_seconds.clone());
        registry.register("bacalhau_jobs_submitted", help("bacalhau_jobs_submitted"), metrics.submitted.clone());
        registry.register("bacalhau_bids", help("bacalhau_bids"), metrics.bids.clone());
        registry.register("bacalhau_executions", help("bacalhau_executions"), metrics.executions.clone());
        registry.register("bacalhau_verdicts", help("bacalhau_verdicts"), metrics.verdicts.clone());
        registry.register("bacalhau_run_seconds", help("bacalhau_run_seconds"), metrics.run_seconds.clone());
        registry.register("bacalhau_http_requests", help("bacalhau_http_requests"), metrics.http_requests.clone());
        registry.register("bacalhau_http_seconds", help("bacalhau_http_seconds"), metrics.http_seconds.clone());
        registry.register("bacalhau_http_refused", help("bacalhau_http_refused"), metrics.http_refused.clone());
        let mut collect = |name, label, kind, source: &Arc<OnceLock<Source>>| {
            registry.register_collector(Box::new(Collected { name, label, kind, source: Arc::clone(source) }));
        };
        collect("bacalhau_dispatched", "event", MetricType::Counter, &metrics.dispatched);
        collect("bacalhau_dispatched_jobs", "phase", MetricType::Gauge, &metrics.dispatched_jobs);
        collect("bacalhau_p2p", "event", MetricType::Counter, &metrics.p2p);
        metrics
    }
}

impl Metrics {
    /// Sets the number of jobs by state. Omitted states have none.
    pub fn set_jobs(&self, counts: impl IntoIterator<Item = (JobState, u64)>) {
        self.jobs.clear();
        for (state, count) in counts {
            self.jobs.get_or_create(&[("state", state.to_string())]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Sets the number of jobs that have not found all of their providers.
    pub fn set_queued(&self, jobs: usize) {
        self.queue_jobs.set(i64::try_from(jobs).unwrap_or(i64::MAX));
    }

    /// A shard has waited this long for its first provider.
    pub fn waited(&self, time: Duration) {
        self.queue_seconds.observe(time.as_secs_f64());
    }

    /// A client's job was accepted.
    pub fn submitted(&self) {
        self.submitted.inc();
    }

    /// Counts a bid by its outcome.
    pub fn bid(&self, fate: BidFate) {
        self.bids.get_or_create(&[("fate", format!("{fate:?}"))]).inc();
    }

    /// Counts an execution in a final state.
    pub fn execution(&self, state: ExecutionState) {
        self.executions.get_or_create(&[("state", state.to_string())]).inc();
    }

    /// There is a verdict.
    pub fn verdict(&self, rule: Rule) {
        self.verdicts.get_or_create(&[("rule", format!("{rule:?}"))]).inc();
    }

    /// An execution ran this long here.
    pub fn ran(&self, took: Duration) {
        self.run_seconds.observe(took.as_secs_f64());
    }

    /// Counts an answered request. `route` is the pattern, not the client's path.
    pub fn answered(&self, route: &str, method: &str, status: u16, took: Duration) {
        let labels = [("route", route.into()), ("method", method.into()), ("status", status.to_string())];
        self.http_requests.get_or_create(&labels).inc();
        self.http_seconds.observe(took.as_secs_f64());
    }

    /// A request was refused by a bound of this name.
    pub fn refused(&self, bound: &'static str) {
        self.http_refused.get_or_create(&[("bound", bound.into())]).inc();
    }

    /// Adds a source of peer-to-peer counters. The first source stays.
    pub fn count_p2p(&self, counters: impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static) {
        self.p2p.get_or_init(|| Box::new(counters));
    }

    /// Adds sources of the events of dispatched executions, and of their number by phase. The first sources stay.
    pub fn count_dispatched(
        &self,
        events: impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static,
        phases: impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static,
    ) {
        self.dispatched.get_or_init(|| Box::new(events));
        self.dispatched_jobs.get_or_init(|| Box::new(phases));
    }

    /// The values of a counter or gauge with at most one label: the value of the label, and the number. `sample` is the
    /// name with its suffix, as in the text.
    pub fn values(&self, sample: &str) -> Vec<(String, u64)> {
        let text = self.text();
        let value = |line: &str| {
            let rest = line.strip_prefix(sample).filter(|rest| rest.starts_with(['{', ' ']))?;
            let (label, number) = rest.rsplit_once(' ')?;
            let label = label.split('"').nth(1).unwrap_or_default();
            Some((label.to_owned(), number.parse().ok()?))
        };
        text.lines().filter_map(value).collect()
    }

    /// All metrics as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A metric whose values another component counts.
struct Collected {
    name: &'static str,
    label: &'static str,
    kind: MetricType,
    source: Arc<OnceLock<Source>>,
}

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = format!("{}.", help(self.name));
        let mut family = encoder.encode_descriptor(self.name, &help, None, self.kind)?;
        for (value, number) in self.source.get().map(|values| values()).unwrap_or_default() {
            let labels = [(self.label, value)];
            let encoder = family.encode_family(&labels)?;
            match self.kind {
                MetricType::Gauge => ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX)).encode(encoder)?,
                _ => ConstCounter::new(number).encode(encoder)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The description of a metric.
fn help(name: &str) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == name).map_or("", |(_, help)| *help)
}

/// Metrics of which each has a value, for the reference: a metric with labels has no line before.
pub fn with_values() -> Metrics {
    let metrics = Metrics::default();
    metrics.count_p2p(|| vec![("dials".into(), 3)]);
    metrics.count_dispatched(|| vec![("lost".into(), 1)], || vec![("running".into(), 2)]);
    metrics.set_jobs([(JobState::Failed, 1)]);
    metrics.bid(BidFate::Sent);
    metrics.execution(ExecutionState::Lost);
    metrics.verdict(Rule::Alone);
    metrics.answered("/livez", "GET", 200, Duration::ZERO);
    metrics.refused("client");
    metrics
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_exposed_is_what_the_table_names() {
        let metrics = with_values();
        let text = metrics.text();
        let exposed: BTreeSet<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        assert_eq!(exposed, NAMES.iter().map(|(name, _)| *name).collect());
        for (name, help) in NAMES {
            assert!(text.contains(&format!("# HELP {name} {help}.")), "{name}");
        }
        assert!(text.contains("bacalhau_p2p_total{event=\"dials\"} 3"), "{text}");
        assert!(text.contains("bacalhau_dispatched_total{event=\"lost\"} 1"), "{text}");
        assert!(text.contains("bacalhau_dispatched_jobs{phase=\"running\"} 2"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn what_is_counted_is_told() {
        let metrics = Metrics::default();
        metrics.set_jobs([(JobState::Failed, 1), (JobState::Completed, 2)]);
        metrics.set_jobs([(JobState::Completed, 3)]);
        metrics.set_queued(3);
        metrics.waited(Duration::from_secs(7));
        metrics.submitted();
        metrics.bid(BidFate::Accepted);
        metrics.execution(ExecutionState::Won);
        metrics.verdict(Rule::Draw);
        metrics.ran(Duration::from_millis(200));
        metrics.answered("/livez", "GET", 200, Duration::from_millis(2));
        metrics.refused("address");
        let text = metrics.text();
        let lines = [
            "bacalhau_jobs{state=\"Completed\"} 3",
            "bacalhau_queue_jobs 3",
            "bacalhau_queue_seconds_bucket{le=\"5.0\"} 0",
            "bacalhau_queue_seconds_bucket{le=\"30.0\"} 1",
            "bacalhau_jobs_submitted_total 1",
            "bacalhau_bids_total{fate=\"Accepted\"} 1",
            "bacalhau_executions_total{state=\"Won\"} 1",
            "bacalhau_verdicts_total{rule=\"Draw\"} 1",
            "bacalhau_run_seconds_bucket{le=\"0.1\"} 0",
            "bacalhau_run_seconds_bucket{le=\"0.5\"} 1",
            "bacalhau_http_requests_total{route=\"/livez\",method=\"GET\",status=\"200\"} 1",
            "bacalhau_http_refused_total{bound=\"address\"} 1",
        ];
        for line in lines {
            assert!(text.lines().any(|there| there == line), "{line}\n{text}");
        }
        assert_eq!(metrics.values("bacalhau_jobs"), [("Completed".to_owned(), 3)]);
        assert_eq!(metrics.values("bacalhau_jobs_submitted_total"), [(String::new(), 1)]);
        assert_eq!(metrics.values("bacalhau_http_refused_total"), [("address".to_owned(), 1)]);
        assert_eq!(metrics.values("bacalhau"), []);
        assert!(!text.contains("Failed"), "states without jobs are left out: {text}");
    }
}
