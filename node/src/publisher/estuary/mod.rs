//! Results at a pinning service.

mod pin;

pub use pin::Pin;
