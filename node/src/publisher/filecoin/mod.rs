//! Results in a deal with a storage provider of Filecoin.

mod deal;

pub use deal::Deal;
