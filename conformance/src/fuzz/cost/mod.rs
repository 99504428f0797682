//! Searches for the module that costs most to compile, by its bytes: shapes of modules are changed at random, those that a
//! bound refuses are made smaller, and what cost most so far is changed further.
//!
//! | room | holds |
//! |---|---|
//! | [`shape`] | a module as a few numbers and a tree |
//! | [`emit`] | the module of a shape |
//! | [`change`] | shapes at random, and changes of one |
//! | [`child`] | a process that compiles one module, what it took, and its end |
//! | [`search`] | the search, and the worst that it found |

pub mod change;
pub mod child;
pub mod emit;
pub mod search;
pub mod shape;
