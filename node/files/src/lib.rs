//! Files that only their owner reads, and temporary files that a later process removes when the one that made them was
//! killed.

pub mod private;
pub mod temporary;
