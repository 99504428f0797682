//! The key of a node, the public keys of its peers, and signatures of receipts.
//!
//! ```
//! use bacalhau_identity::{Identity, ed25519_of};
//!
//! let identity = Identity::ephemeral();
//! let key = ed25519_of(&identity.peer_id()).ok_or("not an ed25519 key")?;
//! let signature = identity.keypair().sign(b"message")?;
//! assert!(key.verify(b"message", &signature));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod identity;
mod public_key;
pub mod receipts;

pub use identity::{Identity, IdentityError};
pub use libp2p_identity::{Keypair, PeerId};
pub use public_key::ed25519_of;
