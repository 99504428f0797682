//! Errors of descriptions, signatures and relays.

use std::error::Error;
use std::fmt;
use std::io;

use bacalhau_http::HttpError;
use bacalhau_job::Hash256;

use super::SCHEME;

/// Why a text does not describe a supported chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// It is not the JSON of a description; with the parser's error.
    Malformed(String),
    /// The chain has this scheme, which is not supported.
    Scheme(String),
    /// The period is 0.
    NoPeriod,
    /// The description has another hash than the chain.
    Hash {
        /// The hash of the chain.
        of_chain: Hash256,
        /// The hash in the description.
        described: Hash256,
    },
}

/// Why a signature is not that of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureError {
    /// The round.
    pub round: u64,
    /// The hash of the chain.
    pub chain: Hash256,
    /// The failed check.
    pub fault: SignatureFault,
}

/// A failed check of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// The public key of the chain is not a point of G2.
    Key,
    /// The signature is not a point of G1.
    Point,
    /// The signature is by another key, or of another round.
    Mismatch,
}

/// Why no relay gave the signature of a round: the host and the error of each.
#[derive(Debug)]
pub struct RoundError(pub Vec<(String, RelayError)>);

/// Why a relay did not give the signature of a round.
#[derive(Debug)]
pub enum RelayError {
    /// The path of the round is not a URL.
    Url {
        /// The text.
        text: String,
        /// The parser's error.
        why: url::ParseError,
    },
    /// The request failed.
    Http(HttpError),
    /// The answer broke off.
    Read(io::Error),
    /// The answer is not a round.
    Malformed(serde_json::Error),
    /// The answer is another round.
    OtherRound {
        /// The round of the answer.
        answered: u64,
        /// The round of the request.
        requested: u64,
    },
    /// The signature is invalid.
    Signature(SignatureError),
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "not the description of a chain: {why}"),
            Self::Scheme(scheme) => write!(f, "chains of the scheme {scheme} are not supported: {SCHEME} is"),
            Self::NoPeriod => f.write_str("its period is 0 s"),
            Self::Hash { of_chain, described } => {
                write!(f, "its hash is {of_chain}, but the description says {described}")
            }
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.fault {
            SignatureFault::Key => "the chain's public key is not a point of G2",
            SignatureFault::Point => "it is not a point of G1",
            SignatureFault::Mismatch => "it does not verify against the chain's public key",
        };
        write!(f, "the signature of round {} of beacon chain {}: {why}", self.round, self.chain)
    }
}

impl fmt::Display for RoundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (relay, why)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{relay}: {why}")?;
        }
        Ok(())
    }
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { text, why } => write!(f, "{text} is not a URL: {why}"),
            Self::Http(error) => error.fmt(f),
            Self::Read(error) => error.fmt(f),
            Self::Malformed(error) => write!(f, "not a round of a beacon: {error}"),
            Self::OtherRound { answered, requested } => {
                write!(f, "it answers with round {answered} instead of {requested}")
            }
            Self::Signature(error) => error.fmt(f),
        }
    }
}

impl Error for ChainError {}
impl Error for SignatureError {}
impl Error for RoundError {}
impl Error for RelayError {}
