//! Publishes results to Filecoin Warm Storage: an archive with a piece commitment is uploaded to a storage provider that
//! runs Curio with PDP, and added to a data set of the contract `FilecoinWarmStorageService`. The provider sends the
//! transaction; the payer of the data set, or a session key of the payer, signs for it (EIP-712). The next step is a pure
//! function of the state, which is on disk before any action.
//!
//! Written after the API of Curio at commit e0294b0f (2026-08-20) and the data types of `@filoz/synapse-core` 0.5.2. The
//! tests run against a fake of that API.

mod backend;
mod curio;
mod eth_address;
mod extra_data;
mod keccak;
mod machine;
mod payer_key;
mod publish;
mod transaction;
mod typed_data;
mod uint256;
mod upload_auth;
mod warm_piece;

pub use crate::backend_error::BackendError;
pub use backend::{Observation, PdpNode};
pub use curio::CurioPdp;
pub use eth_address::{EthAddress, EthAddressError};
pub use extra_data::extra_data;
pub use payer_key::PayerKey;
pub use publish::{MAX_ARCHIVE_BYTES, MIN_ARCHIVE_BYTES, PdpConfig, PdpPublisher};
pub use transaction::{TransactionHash, TransactionHashError};
pub use typed_data::Domain;
pub use uint256::{Uint256, Uint256Error};
pub use upload_auth::upload_auth;
pub use warm_piece::{WarmPiece, WarmStage, WarmTerms};
