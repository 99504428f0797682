//! Archive headers: the roots, and in version 2 the position of the version 1 archive.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::MAX_HEADER_BYTES;
use super::input::Input;
use crate::{Cid, DataError};

/// Length of the other fields of version 2, which are ignored.
const CHARACTERISTICS_BYTES: usize = 16;

/// The header of version 1, and the pragma of version 2, which has no roots.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roots: Option<Vec<Cid>>,
    version: u64,
}

/// Reads up to the first section, sets the end of the last one, and gives the roots.
pub(super) fn read_header<R: Read>(input: &mut Input<R>) -> Result<Vec<Cid>, DataError> {
    let mut header = Header::read(input)?;
    if header.version == 2 {
        read_v2(input)?;
        header = Header::read(input)?;
        if header.version == 2 {
            return Err(input.malformed("an archive of version 2 lies within one of version 2"));
        }
    }
    match header {
        Header { version: 1, roots: Some(roots) } => Ok(roots),
        Header { version: 1, roots: None } => Err(input.malformed("its header has no roots")),
        Header { version, .. } => Err(input.malformed(format!("it has version {version}, and 1 and 2 are read"))),
    }
}

/// The bytes before the first section.
pub(crate) fn header_bytes(roots: &[Cid]) -> Vec<u8> {
    let header = Header { roots: Some(roots.to_vec()), version: 1 };
    #[expect(clippy::expect_used, reason = "a map of CIDs and a number is always CBOR")]
    let header = serde_ipld_dagcbor::to_vec(&header).expect("a header is encoded");
    let mut out = Vec::with_capacity(header.len() + 3);
    crate::protobuf::put_varint(&mut out, header.len() as u64);
    out.extend_from_slice(&header);
    out
}

impl Header {
    fn read<R: Read>(input: &mut Input<R>) -> Result<Self, DataError> {
        let length = input.varint("its header")?.ok_or_else(|| input.truncated("its header", 1))?;
        let length = usize::try_from(length).ok().filter(|length| (1..=MAX_HEADER_BYTES).contains(length));
        let length = length.ok_or_else(|| {
            input.out_of_bounds(format!("its header would not have 1 to {MAX_HEADER_BYTES} bytes; is it a CAR?"))
        })?;
        let mut bytes = Vec::new();
        input.fill(&mut bytes, length, "its header")?;
        serde_ipld_dagcbor::from_slice(&bytes)
            .map_err(|_| input.malformed("its header is not one of an archive; is it a CAR?"))
    }
}

fn read_v2<R: Read>(input: &mut Input<R>) -> Result<(), DataError> {
    let mut bytes = Vec::new();
    input.fill(&mut bytes, CHARACTERISTICS_BYTES + 24, "its header")?;
    let number = |at: usize| {
        let mut number = [0; 8];
        number.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(number)
    };
    let (offset, size) = (number(CHARACTERISTICS_BYTES), number(CHARACTERISTICS_BYTES + 8));
    if offset == 0 || size == 0 {
        return Err(input.malformed("it is incomplete: its header does not say where its data is"));
    }
    let nowhere = || input.malformed(format!("its data cannot be {size} bytes at byte {offset}"));
    let end = offset.checked_add(size).ok_or_else(nowhere)?;
    let padding = offset.checked_sub(input.at()).ok_or_else(nowhere)?;
    // Writers leave some room here at most.
    let padding = usize::try_from(padding).ok().filter(|padding| *padding <= MAX_HEADER_BYTES);
    let padding = padding.ok_or_else(|| input.out_of_bounds(format!("its data begins only at byte {offset}")))?;
    input.fill(&mut Vec::new(), padding, "its header")?;
    input.data_ends_at(end, number(CHARACTERISTICS_BYTES + 16))
}
