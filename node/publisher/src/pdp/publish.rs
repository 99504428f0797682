//! The publisher `pdp`: writes an archive with its commitment and a ledger entry; afterwards the piece advances one step
//! at a time by the node.

use std::path::PathBuf;
use std::sync::Arc;

use bacalhau_receipt::Publication;
use bacalhau_tree::HostFailure;

use super::machine;
use super::{BackendError, CurioPdp, PayerKey, PdpNode, WarmPiece, WarmStage, WarmTerms};
use crate::archives::Archives;
use crate::filecoin::{DealId, Piece};
use crate::ledger::now_ms;
use crate::transition;
use crate::{Entry, Finished, Ledger, Next, PublicationTask, Publisher, PublisherState, StepError, check};
use bacalhau_cas::unixfs::import::Profile;
use bacalhau_values::Secret;

/// Minimum length of an archive in bytes; shorter ones are padded with zeros (`PieceSizeMinLimit` of Curio).
pub const MIN_ARCHIVE_BYTES: u64 = 127;
/// Maximum length of an archive in bytes: a piece of 1 GiB (`PieceSizeMaxLimit` of Curio).
pub const MAX_ARCHIVE_BYTES: u64 = (1 << 30) / 128 * 127;

/// Configuration of the publisher.
#[derive(Clone, Debug)]
pub struct PdpConfig {
    /// Directory for archives, which is created if absent.
    pub dir: PathBuf,
    /// Import profile of results.
    pub profile: Profile,
    /// Where pieces are stored.
    pub terms: WarmTerms,
    /// The key of the payer, or a session key.
    pub key: Arc<PayerKey>,
    /// Access token of the node, if it wants one.
    pub token: Option<Secret>,
}

/// The publisher `pdp`.
#[derive(Debug)]
pub struct PdpPublisher {
    config: PdpConfig,
    ledger: Ledger,
    archives: Archives,
    node: Arc<dyn PdpNode>,
    max_bytes: u64,
}

impl PdpPublisher {
    /// Publishes by `config` with entries in `ledger`.
    ///
    /// # Errors
    /// When its directory cannot be created.
    pub fn new(config: PdpConfig, ledger: Ledger, node: Arc<dyn PdpNode>) -> Result<Self, HostFailure> {
        let archives = Archives::open(&config.dir, PublisherState::PDP)?;
        // A killed process may have left some.
        archives.sweep(&ledger, None)?;
        Ok(Self { config, ledger, archives, node, max_bytes: MAX_ARCHIVE_BYTES })
    }

    /// The same for nodes that accept archives of at most `max_bytes`.
    #[must_use]
    pub fn with_max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// The publisher with a node of Curio.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn connect(config: PdpConfig, ledger: Ledger) -> Result<Self, HostFailure> {
        let node = Arc::new(CurioPdp::new(Arc::clone(&config.key), config.token.clone()));
        Self::new(config, ledger, node)
    }

    /// The ledger entry of a new piece.
    fn entry(&self, results: &Finished<'_>, piece: Piece) -> Result<Entry, HostFailure> {
        let now_ms = now_ms();
        let id = DealId::new(now_ms).map_err(|error| {
            HostFailure::new(format!("the system has no random number source for a nonce: {error}"))
        })?;
        let prepared = piece.describe();
        let warm = WarmPiece {
            id,
            piece,
            terms: self.config.terms.clone(),
            stage: WarmStage::Prepared,
            since_ms: now_ms,
            repeated: 0,
            transaction: None,
            piece_id: None,
        };
        let publication = Publication {
            publisher: String::new(),
            cid: Some(warm.piece.root),
            import_profile: Some(self.config.profile.to_string()),
            places: vec![warm.download_url()],
            steps: Vec::new(),
        };
        let requester = results.job.requester.peer;
        let state = PublisherState::Pdp(Box::new(warm));
        let mut entry = Entry::new(results.execution, requester, results.h1, publication, state);
        entry.step(now_ms, "prepared", prepared);
        Ok(entry)
    }
}

impl Publisher for PdpPublisher {
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure> {
        if let Some(known) = self.ledger.find(PublisherState::PDP, results.execution) {
            return Ok(known.publication);
        }
        let failed = |why: String| HostFailure::new(format!("cannot publish {}: {why}", results.dir.display()));
        let imported = self.archives.import(results.dir, self.config.profile, MIN_ARCHIVE_BYTES);
        let imported = imported.map_err(|error| failed(error.to_string()))?;
        let bytes = imported.car_bytes();
        if bytes > self.max_bytes {
            return Err(failed(format!(
                "its archive has {bytes} bytes, and PDP nodes accept at most {}; reduce the results, or use the \
                 publisher `filecoin`",
                self.max_bytes
            )));
        }
        // Hashed after the import, so the archive contains what was hashed, or the hash differs.
        check(results.dir, results.h1)?;
        let entry = self.archives.keep(imported, |piece| self.ledger.begin(self.entry(results, piece)?))?;
        Ok(entry.publication)
    }
}

impl PublicationTask for PdpPublisher {
    fn advance(&self, entry: &mut Entry, now_ms: u64) -> Result<Next, StepError> {
        let PublisherState::Pdp(warm) = &mut entry.state else {
            return Err(StepError::OtherPublisher("internal error: the entry is not a piece in warm storage"));
        };
        if machine::is_over(warm) {
            self.archives.sweep_after(&self.ledger, entry);
            return Ok(Next::Ended);
        }
        let observation = self.node.advance(warm, now_ms);
        let step = observation.and_then(|observation| machine::take(warm, observation, now_ms));
        if matches!(step, Err(BackendError::Never { .. })) {
            warm.stage = WarmStage::Failed;
        }
        entry.needs_node = warm.needs_us();
        let (is_over, place) = (machine::is_over(warm), place(warm));
        if let Some(place) = place.filter(|place| !entry.publication.places.contains(place)) {
            entry.publication.places.push(place);
        }
        let next = transition::record(entry, step, is_over, now_ms)?;
        if matches!(next, Next::Ended) {
            self.archives.sweep_after(&self.ledger, entry);
        }
        Ok(next)
    }
}

/// Place of the piece on the chain, once it is there: chain id, contract, data set and number of the piece.
fn place(warm: &WarmPiece) -> Option<String> {
    let WarmTerms { chain_id, contract, data_set, .. } = &warm.terms;
    warm.piece_id.map(|piece_id| format!("pdp:{chain_id}/{contract}/{data_set}/{piece_id}"))
}
