//! HTTP client and file server: timeouts, certificates, redirects, allowed addresses, and error texts. `storage` and
//! `exchange` verify fetched data.

mod address;
mod answer;
mod client;
mod error;
mod files;
mod min_rate_body;
mod redirect;
mod resolver;
mod serve;
mod shares;
mod timeout_io;

pub use address::is_public;
pub use answer::{Answer, Body};
pub use answer::{encoding, one_line};
pub use client::{Client, Reach, Terms};
pub use error::HttpError;
pub use min_rate_body::MinRateBody;
pub use serve::FileServer;
pub use shares::{Full, Shares, Taking, network};
pub use timeout_io::TimeoutIo;
