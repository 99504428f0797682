//! How we speak HTTP, in one place: time-outs, certificates, redirects, which addresses may be reached, and words for
//! what goes wrong; and a server of files. What is fetched, and whether it is what was asked for, is the business of `storage` and `exchange`.

mod address;
mod answer;
mod client;
mod error;
mod files;
mod paced;
mod patient;
mod redirect;
mod resolver;
mod serve;
mod shares;

pub use address::is_public;
pub use answer::encoding;
pub use answer::{Answer, Body};
pub use client::{Client, Reach, Terms};
pub use error::HttpError;
pub use paced::Paced;
pub use patient::Patient;
pub use serve::FileServer;
pub use shares::{Full, Shares, Taking, network};
