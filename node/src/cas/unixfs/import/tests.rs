//! Imports against what other tools made of the same data, against a slow and plain reference, and read back.

mod trees;
mod vectors;
