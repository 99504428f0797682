//! One party with many names.
