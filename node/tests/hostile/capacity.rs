//! Jobs and requesters that hold a provider's capacity without using it.
