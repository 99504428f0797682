//! The publisher: an archive of the results with its commitment, an entry in the ledger, and from there on one step of the
//! deal at a time, by whoever of the two back ends has it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{HostFailure, Publication};
use url::Url;

use super::machine::{self, Side};
use super::pieces::{PIECE, Pieces};
use super::{Backend, Curio, Deal, DealId, Lotus, Piece, Stage, Terms, Trouble};
use crate::cas::unixfs::import::Profile;
use crate::http::FileServer;
use crate::publisher::ledger::now_ms;
use crate::publisher::{Course, Entry, Finished, Ledger, Matter, Next, Publisher, check};
use bacalhau_values::Secret;

/// The smallest piece that `DataCap` is spent on, in bytes of payload: 1 MiB of a sector, of which 127 bytes of each 128 are
/// data (`MinimumVerifiedAllocationSize` of the verified registry).
const LEAST_VERIFIED_BYTES: u64 = (1 << 20) / 128 * 127;

/// What it is told.
#[derive(Clone, Debug)]
pub struct FilecoinConfig {
    /// An existing or new directory for archives.
    pub dir: PathBuf,
    /// How results are cut into blocks.
    pub profile: Profile,
    /// The node of the chain.
    pub chain: ChainConfig,
    /// On what terms deals are made. Whether one is verified is the job's to say.
    pub terms: Terms,
    /// The longest pause between two questions about a deal.
    pub poll: Duration,
    /// Where archives are served, if they are.
    pub listen: Option<SocketAddr>,
    /// URL at which providers reach that. Without, archives are uploaded.
    pub url: Option<String>,
}

/// The node of the chain, which also holds the wallet.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    /// URL of its JSON-RPC.
    pub url: Url,
    /// The token that lets us sign.
    pub token: Option<Secret>,
}

/// The publisher `filecoin`.
#[derive(Debug)]
pub struct FilecoinPublisher {
    config: FilecoinConfig,
    ledger: Ledger,
    pieces: Pieces,
    chain: Arc<dyn Backend>,
    market: Arc<dyn Backend>,
    server: Option<FileServer>,
}

impl FilecoinPublisher {
    /// Publishes as `config` says, and notes in `ledger` what becomes of it.
    ///
    /// # Errors
    /// When its directory cannot be made, or the address not be listened on.
    pub fn new(
        config: FilecoinConfig,
        ledger: Ledger,
        chain: Arc<dyn Backend>,
        market: Arc<dyn Backend>,
    ) -> Result<Self, HostFailure> {
        let pieces = Pieces::open(&config.dir)?;
        // Whoever was killed may have left some.
        pieces.sweep(&ledger, None)?;
        let serve = |address| {
            FileServer::start(address, pieces.dir())
                .map_err(|error| HostFailure::io(format!("serve archives at {address} (filecoin.serve_listen)"), error))
        };
        let server = config.listen.map(serve).transpose()?;
        Ok(Self { config, ledger, pieces, chain, market, server })
    }

    /// The same with a Lotus node and Curio's market.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn connect(config: FilecoinConfig, ledger: Ledger) -> Result<Self, HostFailure> {
        let ChainConfig { url, token } = config.chain.clone();
        let lotus = Arc::new(Lotus::new(url, token));
        let market = Arc::new(Curio::new(Arc::clone(&lotus) as _));
        Self::new(config, ledger, lotus, market)
    }

    /// Where it serves archives, if it does.
    pub fn serves_at(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(FileServer::local_addr)
    }

    /// The entry of a deal that is to be made.
    fn entry(&self, results: &Finished<'_>, piece: Piece) -> Result<Entry, HostFailure> {
        let now_ms = now_ms();
        let id = DealId::new(now_ms).map_err(|error| {
            HostFailure::new(format!("the system has no random numbers for the name of a deal: {error}"))
        })?;
        let spec = &results.job.request.request.spec;
        let terms = Terms { verified: spec.filplus, ..self.config.terms.clone() };
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
        let prepared =
            format!("piece {} of {} bytes, in an archive of {}", piece.v2, piece.padded_bytes, piece.car_bytes);
        let served = url.as_ref().map(|url| format!("the provider can fetch it at {url}"));
        let deal = Deal { id, piece, terms, stage: Stage::Prepared, url, allocation: None, market: None, claim: None };
        let requester = results.job.requester.peer;
        let mut entry =
            Entry::new(results.execution, requester, results.h1, publication, Matter::Filecoin(Box::new(deal)));
        entry.step(now_ms, "prepared", prepared);
        if let Some(served) = served {
            entry.step(now_ms, "served", served);
        }
        Ok(entry)
    }

    /// Removes archives that nobody needs any more.
    fn sweep(&self, over: &Entry) {
        if let Err(error) = self.pieces.sweep(&self.ledger, Some(&over.name())) {
            tracing::warn!("the archive of a deal that has ended stays for now: {error}");
        }
    }
}

impl Publisher for FilecoinPublisher {
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure> {
        let known = self.ledger.of(results.execution).into_iter();
        if let Some(known) = known.into_iter().find(|entry| matches!(entry.matter, Matter::Filecoin(_))) {
            return Ok(known.publication);
        }
        let least = if results.job.request.request.spec.filplus { LEAST_VERIFIED_BYTES } else { 0 };
        let draft = self.pieces.draft(results.dir, self.config.profile, least);
        let draft =
            draft.map_err(|error| HostFailure::new(format!("cannot publish {}: {error}", results.dir.display())))?;
        // After the import: what is in the archive is what was hashed, or the hash is another one.
        check(results.dir, results.h1)?;
        let entry = self.pieces.keep(draft, |piece| self.ledger.begin(self.entry(results, piece)?))?;
        Ok(entry.publication)
    }
}

impl Course for FilecoinPublisher {
    fn advance(&self, entry: &mut Entry, now_ms: u64) -> Result<Next, String> {
        let Matter::Filecoin(deal) = &mut entry.matter else { return Err("this is no deal".into()) };
        let backend = match machine::side(deal) {
            Some(Side::Chain) => &self.chain,
            Some(Side::Market) => &self.market,
            None => {
                self.sweep(entry);
                return Ok(Next::Ended);
            }
        };
        let came = backend.advance(deal, now_ms).and_then(|fact| machine::take(deal, fact));
        let over = machine::side(deal).is_none();
        if matches!(came, Err(Trouble::Never { .. })) {
            deal.stage = Stage::Failed;
        }
        entry.needs_node = deal.needs_us();
        match came {
            Ok(came) => {
                if came.state == machine::WAITING {
                    entry.wait(now_ms, came.text);
                } else {
                    entry.step(now_ms, came.state, came.text);
                }
                if over {
                    self.sweep(entry);
                    return Ok(Next::Ended);
                }
                Ok(Next::In(came.wait.min(self.config.poll)))
            }
            Err(Trouble::Later { why, after: None }) => Err(why),
            Err(Trouble::Later { why, after: Some(after) }) => {
                entry.wait(now_ms, why);
                Ok(Next::In(after.clamp(machine::SHORTEST_PAUSE, machine::LONGEST_PAUSE)))
            }
            Err(Trouble::Never { why, todo }) => {
                entry.fail(now_ms, format!("{why}. What to do: {todo}"));
                self.sweep(entry);
                Ok(Next::Ended)
            }
        }
    }
}
