//! Plain values that several crates of the node share: sizes, secrets, token buckets, hexadecimal digits,
//! and text for people.

pub mod budget;
pub mod hex;
mod secret;
mod size;
pub mod text;

pub use secret::Secret;
pub use size::{Size, SizeError};
