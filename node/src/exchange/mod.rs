//! Blocks that others have: the own store first, then everybody who may have them, behind the trait [`Provider`].
//! What the blocks mean is the business of `cas`; who is asked for which input, that of `storage`.

mod address;
mod frontier;
mod gateway;
mod gateway_car;
mod gateways;
mod kubo;
mod pace;
mod provider;
mod workers;

pub use address::{KuboAddress, Peer, PeerError};
pub use frontier::Scope;
pub use gateway::Gateway;
pub use gateway_car::{CarFetch, CarFetched};
pub use gateways::Gateways;
pub use kubo::{Kubo, KuboIdentity};
pub use provider::{Answers, Provider};
