//! Blocks that others have: the own store first, then everybody who may have them, behind the trait [`Provider`].
//! What the blocks mean is the business of `cas`; who is asked for which input, that of `storage`.

mod provider;

pub use provider::{Answers, Provider};
