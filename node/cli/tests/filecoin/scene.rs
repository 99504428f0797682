//! A publisher with its ledger, results to publish, a market, and a chain. The chain is a stand-in that says yes: what a
//! node of it says is tested elsewhere.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bacalhau_job::{AnnouncedJob, ExecutionId, JobSpec, PublisherKind};
use bacalhau_publisher::{
    Entry, Finished, Ledger, Next, PublicationTask, Publisher, PublisherState, StepError,
    filecoin::{
        Backend, BackendError, ChainConfig, Curio, FilecoinConfig, FilecoinPublisher, Observation, SectorClaim, Stage,
        StorageDeal, StorageTerms,
    },
};
use bacalhau_runtime::{HostFailure, Link, Publication, dirhash};
use bacalhau_testkit::records;

use crate::keys::Key;
use crate::market::Market;

/// How long a market may be silent, where that is not what is tested: machines that are busy are slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// More steps than any deal takes.
const MOST_STEPS: usize = 60;

pub(crate) struct Scene {
    dir: tempfile::TempDir,
    pub(crate) market: Market,
    pub(crate) chain: Arc<Chain>,
    pub(crate) ledger: Ledger,
    pub(crate) config: FilecoinConfig,
    pub(crate) publisher: FilecoinPublisher,
    key: Arc<Key>,
    patience: Duration,
    job: AnnouncedJob,
}

/// What a scene is to be like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    /// The provider fetches the data.
    pub(crate) pulled: bool,
    /// The deal takes `DataCap`.
    pub(crate) verified: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Chain {
    market: Mutex<Market>,
    /// The names by which messages were asked for, and so how many there are.
    pub(crate) messages: Mutex<Vec<String>>,
}

impl Backend for Chain {
    fn advance(&self, deal: &StorageDeal, _: u64) -> Result<Observation, BackendError> {
        match deal.stage {
            Stage::Prepared => Ok(Observation::Checked(format!("{} is a provider", deal.terms.provider))),
            Stage::Checked => {
                let mut messages = self.messages.lock().unwrap();
                if !messages.contains(&deal.id.uuid()) {
                    messages.push(deal.id.uuid());
                }
                Ok(Observation::Pushed(Link::of_dag_cbor(deal.id.uuid().as_bytes())))
            }
            Stage::Allocating => {
                let (piece, terms) = (&deal.piece, &deal.terms);
                let allocation =
                    (terms.provider.to_string(), piece.v1.to_string(), piece.padded_bytes, terms.longest_epochs());
                self.market.lock().unwrap().state().allocations.insert(7, allocation);
                Ok(Observation::Allocated(7))
            }
            Stage::Complete => Ok(Observation::Claimed(SectorClaim { sector: 42, term_start: 4_863_283 })),
            stage => panic!("the chain is asked at {stage:?}"),
        }
    }
}

impl std::fmt::Debug for Market {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Market")
    }
}

impl Scene {
    pub(crate) fn new(wish: Wish) -> Self {
        Self::with_patience(wish, PATIENCE)
    }

    /// The same, where the market may be silent for `patience`.
    pub(crate) fn with_patience(wish: Wish, patience: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let results = dir.path().join("results");
        fs::create_dir_all(results.join("outputs")).unwrap();
        fs::write(results.join("stdout"), "hello\n").unwrap();
        fs::write(results.join("outputs/numbers"), (0..20_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>())
            .unwrap();
        let (market, key) = (Market::start(), Arc::new(Key::of("alice")));
        let chain = Arc::new(Chain { market: Mutex::new(market.clone()), messages: Mutex::default() });
        let ledger = Ledger::open(dir.path().join("publications")).unwrap();
        // Nobody else is given this port again that soon.
        let listen = wish.pulled.then(|| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
        let config = FilecoinConfig {
            dir: dir.path().join("deals"),
            profile: bacalhau_cas::unixfs::import::Profile::default(),
            chain: ChainConfig { url: "http://127.0.0.1:1/rpc/v1".parse().unwrap(), token: None },
            terms: StorageTerms {
                market: market.url(),
                provider: "f01000".parse().unwrap(),
                wallet: key.address.clone(),
                duration_epochs: 518_400,
                verified: false,
                max_fee_nanofil: 70_000_000,
                indexing: true,
                announce: false,
            },
            poll: Duration::from_mins(5),
            listen,
            url: listen.map(|address| format!("http://{address}")),
        };
        let publisher = publisher(&config, &ledger, &chain, &key, patience).unwrap();
        Self { dir, market, chain, ledger, config, publisher, key, patience, job: job(wish.verified) }
    }

    /// Another process with the same data directory, after this one was killed.
    pub(crate) fn restart(&mut self) {
        // Listening ends with the publisher.
        let config = FilecoinConfig { listen: None, ..self.config.clone() };
        let ledger = Ledger::open(self.path("publications")).unwrap();
        self.publisher = publisher(&config, &ledger, &self.chain, &self.key, self.patience).unwrap();
        // Who was there before may hold the port for a moment.
        let again = (0..500).find_map(|_| {
            thread::sleep(Duration::from_millis(10));
            publisher(&self.config, &ledger, &self.chain, &self.key, self.patience).ok()
        });
        self.publisher = again.unwrap();
        self.ledger = ledger;
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Archives that are kept.
    pub(crate) fn archives(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("deals/piece")).unwrap().map(|file| file.unwrap().path()).collect()
    }

    pub(crate) fn execution(&self) -> ExecutionId {
        self.job.id.execution(0, 1)
    }

    pub(crate) fn publish(&self) -> Result<Publication, HostFailure> {
        let results = self.path("results");
        let h1 = dirhash::hash_dir(&results, "results").unwrap().h1;
        self.publish_as(&h1, self.execution())
    }

    pub(crate) fn publish_as(&self, h1: &str, execution: ExecutionId) -> Result<Publication, HostFailure> {
        self.publisher.publish(&Finished { execution, job: &self.job, dir: &self.path("results"), h1 })
    }

    /// What is in the ledger.
    pub(crate) fn entry(&self) -> Entry {
        let [entry] = &self.ledger.of(self.execution())[..] else { panic!("there is one entry") };
        entry.clone()
    }

    /// Publishes, and says what is in the ledger then.
    pub(crate) fn begin(&self) -> Entry {
        self.publish().unwrap();
        self.entry()
    }

    /// One step, now.
    pub(crate) fn step(&self, entry: &mut Entry) -> Result<Next, StepError> {
        self.publisher.advance(entry, now_ms())
    }

    /// All steps to the end. What fails is tried again.
    pub(crate) fn finish(&self, entry: &mut Entry) {
        for _ in 0..MOST_STEPS {
            match self.step(entry) {
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

fn publisher(
    config: &FilecoinConfig,
    ledger: &Ledger,
    chain: &Arc<Chain>,
    key: &Arc<Key>,
    patience: Duration,
) -> Result<FilecoinPublisher, HostFailure> {
    let market = Arc::new(Curio::with_patience(Arc::clone(key) as _, patience));
    FilecoinPublisher::new(config.clone(), ledger.clone(), Arc::clone(chain) as _, market)
}

fn job(verified: bool) -> AnnouncedJob {
    let spec = JobSpec { publishers: vec![PublisherKind::Filecoin], filplus: verified, ..records::spec() };
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

pub(crate) fn deal(entry: &Entry) -> &StorageDeal {
    let PublisherState::Filecoin(deal) = &entry.state else { panic!("it is a deal") };
    deal
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
