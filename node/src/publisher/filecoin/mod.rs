//! Results in a deal with a storage provider of Filecoin: an archive of them, committed to as a piece, is proposed to the
//! provider's market, handed over, and followed until it is sealed. Market and chain are two back ends behind one trait, each
//! in one file; what comes next is a pure function of what is known of a deal, which is on disk before anything is done.

mod address;
mod backend;
mod curio;
mod deal;
mod lotus;
mod machine;
mod miners;
mod pieces;
mod publish;

pub use address::{Address, AddressKind};
pub use backend::{Backend, Fact, Trouble, Wallet};
pub use curio::Curio;
pub use deal::{Allocation, Claim, Deal, DealId, MarketState, Piece, Stage, Terms};
pub use lotus::Lotus;
pub use miners::{Miner, Miners};
pub use publish::{ChainConfig, FilecoinConfig, FilecoinPublisher};
