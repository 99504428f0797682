//! Numbers of query parameters, with the bounds of the contract.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The largest number of the format `int64`.
const MAX_POSITION: u64 = i64::MAX as u64;
/// The largest page.
const MAX_PAGE: usize = bacalhau_store::MAX_PAGE;

/// A position: at most the largest number of the format `int64`.
pub(super) fn position<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    bounded(u64::deserialize(deserializer)?)
}

/// A position that may be absent.
pub(super) fn optional_position<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    position(deserializer).map(Some)
}

fn bounded<E: Error>(number: u64) -> Result<u64, E> {
    if number > MAX_POSITION { Err(E::custom(format!("{number} is more than {MAX_POSITION}"))) } else { Ok(number) }
}

/// A page size.
pub(super) fn page_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let size = usize::deserialize(deserializer)?;
    if size > MAX_PAGE {
        Err(D::Error::custom(format!("a page has at most {MAX_PAGE} entries")))
    } else {
        Ok(Some(size))
    }
}
