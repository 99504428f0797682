//! Publishes results in a deal with a Filecoin storage provider: an archive with a piece commitment is proposed to the
//! provider's market, transferred, and followed until it is sealed. Market and chain are two back ends behind one
//! trait. The next step is a pure function of the deal's state, which is on disk before any action.

mod address;
mod backend;
mod curio;
mod deal;
mod lotus;
mod machine;
mod miners;
mod publish;

pub use crate::archives::Piece;
pub use crate::backend_error::BackendError;
pub use address::{Address, AddressError, AddressKind};
pub use backend::{Backend, Observation, Wallet};
pub use curio::Curio;
pub use deal::{Allocation, DealId, MarketState, SectorClaim, Stage, StorageDeal, StorageTerms};
pub use lotus::Lotus;
pub use miners::{Miner, Miners, ProofError};
pub use publish::{ChainConfig, FilecoinConfig, FilecoinPublisher};
