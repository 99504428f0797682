//! Links of a block by its codec, for pins, collection, archives and completeness. Also supports codecs other than
//! those of UnixFS.

use bytes::Bytes;

use super::block::codec_name;
use super::{Cid, DAG_PB, DataError, RAW, dag_cbor, dag_pb};

/// Multicodec of CBOR with links.
const DAG_CBOR: u64 = 0x71;
/// Multicodec of CBOR, which has no links.
const CBOR: u64 = 0x51;
/// Multicodec of JSON, which has no links.
const JSON: u64 = 0x0200;

/// Whether blocks of the codec of `cid` may have links.
pub fn has_links(cid: &Cid) -> bool {
    !matches!(cid.codec(), RAW | CBOR | JSON)
}

/// The CIDs that the block of `cid` links to, in its order.
///
/// # Errors
/// When the codec has links that this version cannot see, or the block is malformed.
pub fn links(cid: &Cid, block: &Bytes) -> Result<Vec<Cid>, DataError> {
    match cid.codec() {
        _ if !has_links(cid) => Ok(Vec::new()),
        DAG_PB => dag_pb::links(cid, block),
        DAG_CBOR => dag_cbor::links(cid, block),
        other => {
            let what = format!("codec {} of {cid}", codec_name(other));
            Err(DataError::unsupported(what, "links are followed in dag-pb and dag-cbor"))
        }
    }
}
