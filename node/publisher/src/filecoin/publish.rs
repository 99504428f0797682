//! The publisher `filecoin`: writes an archive with its commitment and a ledger entry; afterwards the deal advances one
//! step at a time by its back ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_receipt::Publication;
use bacalhau_tree::HostFailure;
use url::Url;

use super::machine::{self, BackendKind};
use super::{Backend, BackendError, Curio, DealId, Lotus, Piece, Stage, StorageDeal, StorageTerms};
use crate::archives::{Archives, PIECE};
use crate::ledger::now_ms;
use crate::transition::{self, Transition};
use crate::{Entry, Finished, Ledger, Next, PublicationTask, Publisher, PublisherState, StepError, check};
use bacalhau_cas::unixfs::import::Profile;
use bacalhau_http::FileServer;
use bacalhau_values::Secret;

/// Minimum payload of a verified piece in bytes: a piece of 1 MiB, where 127 of each 128 bytes are data
/// (`MinimumVerifiedAllocationSize` of the verified registry).
const LEAST_VERIFIED_BYTES: u64 = (1 << 20) / 128 * 127;

/// Configuration of the publisher.
#[derive(Clone, Debug)]
pub struct FilecoinConfig {
    /// Directory for archives, which is created if absent.
    pub dir: PathBuf,
    /// Import profile of results.
    pub profile: Profile,
    /// The chain node.
    pub chain: ChainConfig,
    /// Terms of deals. The job decides whether a deal is verified.
    pub terms: StorageTerms,
    /// Maximum interval between status queries of a deal.
    pub poll: Duration,
    /// Listen address that serves archives, if any.
    pub listen: Option<SocketAddr>,
    /// URL at which providers reach it. `None`: archives are uploaded.
    pub url: Option<String>,
}

/// The chain node, which also holds the wallet.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    /// URL of its JSON-RPC.
    pub url: Url,
    /// Token with the permission to sign.
    pub token: Option<Secret>,
}

/// The publisher `filecoin`.
#[derive(Debug)]
pub struct FilecoinPublisher {
    config: FilecoinConfig,
    ledger: Ledger,
    archives: Archives,
    chain: Arc<dyn Backend>,
    market: Arc<dyn Backend>,
    server: Option<FileServer>,
}

impl FilecoinPublisher {
    /// Publishes by `config` with entries in `ledger`.
    ///
    /// # Errors
    /// When its directory cannot be created, or the address cannot be listened on.
    pub fn new(
        config: FilecoinConfig,
        ledger: Ledger,
        chain: Arc<dyn Backend>,
        market: Arc<dyn Backend>,
    ) -> Result<Self, HostFailure> {
        let archives = Archives::open(&config.dir, PublisherState::FILECOIN)?;
        // A killed process may have left some.
        archives.sweep(&ledger, None)?;
        let serve = |address| {
            FileServer::start(address, archives.dir())
                .map_err(|error| HostFailure::io(format!("serve archives at {address} (filecoin.serve_listen)"), error))
        };
        let server = config.listen.map(serve).transpose()?;
        Ok(Self { config, ledger, archives, chain, market, server })
    }

    /// The publisher with a Lotus node and Curio's market.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn connect(config: FilecoinConfig, ledger: Ledger) -> Result<Self, HostFailure> {
        let ChainConfig { url, token } = config.chain.clone();
        let lotus = Arc::new(Lotus::new(url, token));
        let market = Arc::new(Curio::new(Arc::clone(&lotus) as _));
        Self::new(config, ledger, lotus, market)
    }

    /// Address that serves archives, if any.
    pub fn serves_at(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(FileServer::local_addr)
    }

    /// The ledger entry of a new deal.
    fn entry(&self, results: &Finished<'_>, piece: Piece) -> Result<Entry, HostFailure> {
        let now_ms = now_ms();
        let id = DealId::new(now_ms).map_err(|error| {
            HostFailure::new(format!("the system has no random number source for a deal id: {error}"))
        })?;
        let spec = results.job.spec();
        let terms = StorageTerms { verified: spec.filplus, ..self.config.terms.clone() };
        let url = self.config.url.as_ref().map(|url| format!("{}/{PIECE}/{}", url.trim_end_matches('/'), piece.v2));
        let mut places: Vec<String> = url.iter().cloned().collect();
        places.push(format!("filecoin:{}/{id}", terms.provider));
        let publication = Publication {
            publisher: String::new(),
            cid: Some(piece.root),
            import_profile: Some(self.config.profile.to_string()),
            places,
            steps: Vec::new(),
        };
        let prepared = piece.describe();
        let served = url.as_ref().map(|url| format!("the provider can fetch it at {url}"));
        let deal =
            StorageDeal { id, piece, terms, stage: Stage::Prepared, url, allocation: None, market: None, claim: None };
        let requester = results.job.requester.peer;
        let mut entry =
            Entry::new(results.execution, requester, results.h1, publication, PublisherState::Filecoin(Box::new(deal)));
        entry.step(now_ms, "prepared", prepared);
        if let Some(served) = served {
            entry.step(now_ms, "served", served);
        }
        Ok(entry)
    }
}

impl Publisher for FilecoinPublisher {
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure> {
        if let Some(known) = self.ledger.find(PublisherState::FILECOIN, results.execution) {
            return Ok(known.publication);
        }
        let least = if results.job.spec().filplus { LEAST_VERIFIED_BYTES } else { 0 };
        let imported = self.archives.import(results.dir, self.config.profile, least);
        let imported =
            imported.map_err(|error| HostFailure::new(format!("cannot publish {}: {error}", results.dir.display())))?;
        // Hashed after the import, so the archive contains what was hashed, or the hash differs.
        check(results.dir, results.h1)?;
        let entry = self.archives.keep(imported, |piece| self.ledger.begin(self.entry(results, piece)?))?;
        Ok(entry.publication)
    }
}

impl PublicationTask for FilecoinPublisher {
    fn advance(&self, entry: &mut Entry, now_ms: u64) -> Result<Next, StepError> {
        let PublisherState::Filecoin(deal) = &mut entry.state else {
            return Err(StepError::OtherPublisher("internal error: the entry is not a deal"));
        };
        let backend = match machine::backend_kind(deal) {
            Some(BackendKind::Chain) => &self.chain,
            Some(BackendKind::Market) => &self.market,
            None => {
                self.archives.sweep_after(&self.ledger, entry);
                return Ok(Next::Ended);
            }
        };
        let step = backend.advance(deal, now_ms).and_then(|observation| machine::take(deal, observation));
        let step = step.map(|step| Transition { wait: step.wait.min(self.config.poll), ..step });
        let is_over = machine::backend_kind(deal).is_none();
        if matches!(step, Err(BackendError::Never { .. })) {
            deal.stage = Stage::Failed;
        }
        entry.needs_node = deal.needs_us();
        let next = transition::record(entry, step, is_over, now_ms)?;
        if matches!(next, Next::Ended) {
            self.archives.sweep_after(&self.ledger, entry);
        }
        Ok(next)
    }
}
