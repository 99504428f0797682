//! How the providers of a shard are drawn. `fast`: as soon as enough bids are in, by a hash that follows from the job and
//! the bidders. `fair`: bidding closes at an announced time, the requester signs the set of bidders, and the order of the draw
//! follows from randomness that nobody knew by then. Here are the data and the arithmetic; the steps are those of
//! `requester` and `compute`.

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
pub use mode::{DrawMode, FairTerms};
pub use order::{order, seed};
pub use record::{FairBidder, FairRecord, FairRound, Revealed, SetEntry};
pub use runs::{MAX_RUNS, ShardRuns};
pub use secret::{MAX_ROUNDS, Secret, Secrets};
pub use tree::{Tree, leads};
