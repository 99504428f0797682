//! Programs that have the host keep memory for them.
