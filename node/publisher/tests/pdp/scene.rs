//! A publisher with its ledger, results to publish, and a node with PDP.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bacalhau_job::{AnnouncedJob, ExecutionId, JobSpec, PublisherKind};
use bacalhau_publisher::pdp::{CurioPdp, PayerKey, PdpConfig, PdpPublisher, WarmPiece, WarmTerms};
use bacalhau_publisher::{Entry, Finished, Ledger, Next, PublicationTask, Publisher, PublisherState, StepError};
use bacalhau_receipt::Publication;
use bacalhau_testkit::{pdp::FakePdp, records};
use bacalhau_tree::{HostFailure, dirhash};

/// How long a node may be silent, where that is not what is tested: machines that are busy are slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// More steps than any piece takes.
const MOST_STEPS: usize = 60;
const KEY: &str = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";
const CONTRACT: &str = "0x8408502033C418E1bbC97cE9ac48E5528F371A9f";

pub(crate) struct Scene {
    dir: tempfile::TempDir,
    pub(crate) node: FakePdp,
    pub(crate) ledger: Ledger,
    pub(crate) config: PdpConfig,
    pub(crate) publisher: PdpPublisher,
    patience: Duration,
    job: AnnouncedJob,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with_patience(PATIENCE)
    }

    /// The same, where the node may be silent for `patience`.
    pub(crate) fn with_patience(patience: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let results = dir.path().join("results");
        fs::create_dir_all(results.join("outputs")).unwrap();
        fs::write(results.join("stdout"), "hello\n").unwrap();
        fs::write(results.join("outputs/numbers"), (0..20_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>())
            .unwrap();
        let key = Arc::new(PayerKey::from_hex(KEY).unwrap());
        let terms = WarmTerms {
            url: String::new(),
            data_set: 42,
            client_data_set: 7.into(),
            contract: CONTRACT.parse().unwrap(),
            chain_id: 314,
        };
        let node = FakePdp::start(*key.address().bytes(), terms.chain_id, *terms.contract.bytes());
        let config = PdpConfig {
            dir: dir.path().join("warm"),
            profile: bacalhau_cas::unixfs::import::Profile::default(),
            terms: WarmTerms { url: node.url(), ..terms },
            key,
            token: None,
        };
        let ledger = Ledger::open(dir.path().join("publications")).unwrap();
        let publisher = publisher(&config, &ledger, patience);
        Self { dir, node, ledger, config, publisher, patience, job: job() }
    }

    /// The same, where nodes accept archives of at most `max_bytes`.
    pub(crate) fn limited_to(self, max_bytes: u64) -> Self {
        Self { publisher: self.publisher.with_max_bytes(max_bytes), ..self }
    }

    /// Another process with the same data directory and the present configuration, after this one was killed.
    pub(crate) fn restart(&mut self) {
        self.ledger = Ledger::open(self.path("publications")).unwrap();
        self.publisher = publisher(&self.config, &self.ledger, self.patience);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Archives that are kept.
    pub(crate) fn archives(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("warm/piece")).unwrap().map(|file| file.unwrap().path()).collect()
    }

    pub(crate) fn execution(&self, number: u16) -> ExecutionId {
        self.job.id.execution(0, number)
    }

    pub(crate) fn publish(&self, number: u16) -> Result<Publication, HostFailure> {
        let h1 = dirhash::hash_dir(&self.path("results"), "results").unwrap().h1;
        self.publish_as(&h1, number)
    }

    pub(crate) fn publish_as(&self, h1: &str, number: u16) -> Result<Publication, HostFailure> {
        let execution = self.execution(number);
        self.publisher.publish(&Finished { execution, job: &self.job, dir: &self.path("results"), h1 })
    }

    /// What is in the ledger.
    pub(crate) fn entry(&self, number: u16) -> Entry {
        let [entry] = &self.ledger.of(self.execution(number))[..] else { panic!("there is one entry") };
        entry.clone()
    }

    /// Publishes, and says what is in the ledger then.
    pub(crate) fn begin(&self) -> Entry {
        self.publish(1).unwrap();
        self.entry(1)
    }

    /// One step, now.
    pub(crate) fn step(&self, entry: &mut Entry) -> Result<Next, StepError> {
        self.publisher.advance(entry, now_ms())
    }

    /// All steps to the end. What fails is tried again.
    pub(crate) fn finish(&self, entry: &mut Entry) {
        self.finish_at(entry, |_| now_ms());
    }

    /// The same, where `time` is the time of each step, in Unix milliseconds.
    pub(crate) fn finish_at(&self, entry: &mut Entry, time: impl Fn(u64) -> u64) {
        for step in 0..MOST_STEPS {
            match self.publisher.advance(entry, time(step as u64)) {
                Ok(Next::Ended) => {
                    entry.ended = true;
                    return;
                }
                Ok(Next::In(_)) => {}
                Err(error) => entry.wait(now_ms(), error.to_string()),
            }
        }
        panic!("it does not end: {:?}", states(entry));
    }
}

fn publisher(config: &PdpConfig, ledger: &Ledger, patience: Duration) -> PdpPublisher {
    let node = CurioPdp::with_patience(Arc::clone(&config.key), config.token.clone(), patience);
    PdpPublisher::new(config.clone(), ledger.clone(), Arc::new(node)).unwrap()
}

fn job() -> AnnouncedJob {
    let spec = JobSpec { publishers: vec![PublisherKind::Pdp], ..records::spec() };
    records::record(spec, 1, &records::key(1), 1).job
}

/// The states of an entry so far.
pub(crate) fn states(entry: &Entry) -> Vec<&str> {
    entry.publication.steps.iter().map(|step| step.state.as_str()).collect()
}

/// The words of its last step.
pub(crate) fn last(entry: &Entry) -> &str {
    &entry.publication.steps.last().unwrap().text
}

pub(crate) fn warm(entry: &Entry) -> &WarmPiece {
    let PublisherState::Pdp(warm) = &entry.state else { panic!("it is a piece in warm storage") };
    warm
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
