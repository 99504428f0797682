//! Jobs whose numbers are too large.
