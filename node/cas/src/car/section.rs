//! Format of a section: length, CID and bytes of a block. Shared by streams, files and packs.

use std::io::{self, IoSlice, Read, Write};

use super::MAX_CID_BYTES;
use super::input::{Input, begins_archive};
use crate::protobuf::put_varint;
use crate::{Cid, DataError, MAX_BLOCK_BYTES};

/// A section of which the CID has been read.
#[derive(Debug)]
pub(super) struct Head {
    /// Where in the archive the CID begins.
    pub(super) at: u64,
    /// CID of the block.
    pub(super) cid: Cid,
    /// Bytes of the CID.
    pub(super) cid_len: usize,
    /// Bytes of the block.
    pub(super) len: usize,
    /// The first bytes of the block, which were read with the CID.
    pub(super) begun: Vec<u8>,
}

impl Head {
    /// Reads the next one. `None` at the end of the archive, which may be padded with zeros, as a piece is.
    pub(super) fn read<R: Read>(input: &mut Input<R>) -> Result<Option<Self>, DataError> {
        let section = input.at();
        let Some(length) = input.varint("a section")? else {
            return input.behind_data().map(|()| None);
        };
        if length == 0 {
            input.padding()?;
            return input.behind_data().map(|()| None);
        }
        let bound = MAX_BLOCK_BYTES + MAX_CID_BYTES;
        let length = usize::try_from(length).ok().filter(|length| *length <= bound).ok_or_else(|| {
            input
                .out_of_bounds(format!("at byte {section}, a section has {length} bytes, and at most {bound} are read"))
        })?;
        let at = input.at();
        let mut begun = Vec::new();
        input.fill(&mut begun, length.min(MAX_CID_BYTES), "a section")?;
        let mut rest = &begun[..];
        let cid = Cid::read_bytes(&mut rest).map_err(|error| {
            if begins_archive(&begun) {
                input.another_archive(section)
            } else {
                input.malformed(format!("at byte {at}, a section does not begin with a CID: {error}"))
            }
        })?;
        let cid_len = begun.len() - rest.len();
        begun.drain(..cid_len);
        Ok(Some(Self { at, cid, cid_len, len: length - cid_len, begun }))
    }

    /// Bytes of the block that have not been read.
    pub(super) fn left(&self) -> usize {
        self.len - self.begun.len()
    }
}

/// Appends the head of a section, and returns the length of the CID in it.
pub(crate) fn put_head(out: &mut Vec<u8>, cid: &Cid, len: usize) -> usize {
    let cid = cid.to_bytes();
    put_varint(out, (cid.len() + len) as u64);
    out.extend_from_slice(&cid);
    cid.len()
}

/// Writes head and bytes of a block in one go, where the sink can do that.
pub(crate) fn write_section<W: Write>(out: &mut W, head: &[u8], bytes: &[u8]) -> io::Result<()> {
    let mut slices = &mut [IoSlice::new(head), IoSlice::new(bytes)][..];
    while slices.iter().any(|slice| !slice.is_empty()) {
        match out.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
