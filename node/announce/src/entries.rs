//! The multihashes of an advertisement: a chain of chunks, each with a link to the one before.

use bytes::Bytes;
use serde::Serialize;

use crate::dag_json::{self, Blob, Link};
use bacalhau_cas::{Cid, DataError};

/// Multihashes of one chunk. A chunk has less than 1.5 MiB with 34 bytes each; the specification has 4 MB at most.
pub(crate) const CHUNK: usize = 16_384;
/// Chunks of one advertisement: the specification's bound.
pub(crate) const MAX_CHUNKS: usize = 400;

/// The form on the wire. The fields are in the order of their names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Chunk {
    entries: Vec<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Link>,
}

/// A chunk of `hashes`, whose next one is `next`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn chunk(hashes: Vec<Vec<u8>>, next: Option<Cid>) -> Result<(Cid, Bytes), DataError> {
    dag_json::block(&Chunk { entries: hashes.into_iter().map(Blob).collect(), next: next.map(Link) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_written_as_the_specification_has_them() {
        let (first, bytes) = chunk(vec![vec![0x12, 0x01, 0xff]], None).unwrap();
        assert_eq!(bytes, r#"{"Entries":[{"/":{"bytes":"EgH/"}}]}"#);
        let (_, bytes) = chunk(vec![], Some(first)).unwrap();
        assert_eq!(bytes, format!(r#"{{"Entries":[],"Next":{{"/":"{first}"}}}}"#));
        let (_, full) = chunk(vec![vec![0xff; 36]; CHUNK], Some(first)).unwrap();
        assert!(full.len() < 1_500_000, "{}", full.len());
    }
}
