//! Searches for the module with the highest compilation cost per byte: shapes of modules are mutated at random, shapes
//! that exceed a bound are made smaller, and the most expensive ones are mutated further.
//!
//! | module | content |
//! |---|---|
//! | [`shape`] | a module as a few numbers and a tree |
//! | [`emit`] | the module of a shape |
//! | [`change`] | random shapes and mutations |
//! | [`child`] | a process that compiles one module, its cost, and its exit |
//! | [`search`] | the search and its most expensive shapes |

pub mod change;
pub mod child;
pub mod emit;
pub mod search;
pub mod shape;
