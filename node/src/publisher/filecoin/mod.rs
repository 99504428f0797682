//! Results in a deal with a storage provider of Filecoin.

mod address;
mod backend;
mod deal;
mod machine;

pub use address::{Address, AddressKind};
pub use backend::{Backend, Fact, Trouble, Wallet};
pub use deal::{Allocation, Claim, Deal, DealId, MarketState, Piece, Stage, Terms};
