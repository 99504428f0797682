//! How the providers of a shard are drawn. `fast`: when enough bids have arrived, by a hash of the job and the bidders.
//! `fair`: bidding closes at an announced time, the requester signs the set of bidders, and randomness that was unknown
//! before decides. This module has data and arithmetic; `requester` and `compute` have the steps.

mod beacon;
mod commitment;
mod mode;
mod order;
mod record;
mod runs;
mod secret;
mod tree;

pub use beacon::{BeaconChain, BeaconRound};
pub use commitment::{BidReceipt, Commitment, Randomness, SignedCommitment};
pub use mode::{DrawMode, FairTerms, UnknownDraw};
pub use order::{order, seed};
pub use record::{FairBidder, FairRecord, FairRound, Revealed, SetEntry};
pub use runs::{MAX_RUNS, ShardRuns};
pub use secret::{MAX_ROUNDS, Secret, Secrets};
pub use tree::{Tree, leads};
