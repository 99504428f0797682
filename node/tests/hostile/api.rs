//! Clients of the HTTP API: slow, many, and not invited.
