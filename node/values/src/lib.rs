//! Plain values that several crates of the node share: sizes, secrets, token buckets and hexadecimal digits.

pub mod budget;
pub mod hex;
mod secret;
mod size;

pub use secret::Secret;
pub use size::Size;
