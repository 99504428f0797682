//! Scans an archive for the positions of its blocks, by section heads or completely.

use std::fs::File;

use bacalhau_tree::ReadAt;

use super::Entry;
use super::header::read_header;
use super::input::Input;
use super::placed::Placed;
use super::section::Head;
use crate::{Cid, DataError, FileBytes, IDENTITY, check};

/// Bytes that are read at each section. Small sections lie within, large ones are leapt over.
const STRIDE_BYTES: usize = 4096;
/// Blocks of an archive: their entries take half a gigabyte of memory while the index is made.
const MAX_ENTRIES: usize = 1 << 24;

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Only the heads of sections; blocks are not verified.
    Heads,
    /// At the bytes too, which are hashed.
    Bytes,
}

/// Content of an archive.
#[derive(Debug)]
pub(crate) struct Scan {
    /// The roots.
    pub roots: Vec<Cid>,
    /// The blocks in order, without those of identity CIDs.
    pub(crate) entries: Vec<Entry>,
    /// Where the last good section ends.
    pub(crate) end: u64,
    /// Why the rest of it was not read.
    pub(crate) stop: Option<DataError>,
}

/// Scans the archive `file`, called `name` in messages.
///
/// # Errors
/// When its header cannot be read. Later errors are in [`Scan::stop`].
pub(crate) fn scan(name: &str, file: &File, depth: Depth) -> Result<Scan, DataError> {
    let len = len_of(name, file)?;
    scan_part(name, &FileBytes(file), len, depth)
}

/// As [`scan`], of the first `len` of `bytes`.
///
/// # Errors
/// As for [`scan`].
pub(super) fn scan_part(name: &str, bytes: &dyn ReadAt, len: u64, depth: Depth) -> Result<Scan, DataError> {
    let mut input = input(name, bytes, len)?;
    let roots = read_header(&mut input)?;
    let mut scan = Scan { roots, entries: Vec::new(), end: input.at(), stop: None };
    loop {
        match next(&mut input, depth) {
            Ok(Some(head)) => {
                scan.end = input.at();
                if head.cid.hash().code() != IDENTITY {
                    scan.entries.push(Entry::new(&head.cid, head.at, head.cid_len, head.len));
                }
            }
            Ok(None) => return Ok(scan),
            Err(error) => return Ok(Scan { stop: Some(error), ..scan }),
        }
        if scan.entries.len() > MAX_ENTRIES {
            let why = input.out_of_bounds(format!("it has more than {MAX_ENTRIES} blocks; split it"));
            return Ok(Scan { stop: Some(why), ..scan });
        }
    }
}

/// The roots of the archive `file`.
pub(crate) fn roots(name: &str, file: &File) -> Result<Vec<Cid>, DataError> {
    let len = len_of(name, file)?;
    read_header(&mut input(name, &FileBytes(file), len)?)
}

fn len_of(name: &str, file: &File) -> Result<u64, DataError> {
    Ok(file.metadata().map_err(|error| DataError::io(format!("read {name}"), error))?.len())
}

fn input<'a>(name: &str, bytes: &'a dyn ReadAt, len: u64) -> Result<Input<Placed<'a>>, DataError> {
    let mut input = Input::new(name.into(), Placed::new(bytes, len), STRIDE_BYTES);
    input.end_at(len)?;
    Ok(input)
}

/// The next section, with all of it behind.
fn next(input: &mut Input<Placed>, depth: Depth) -> Result<Option<Head>, DataError> {
    let Some(mut head) = Head::read(input)? else { return Ok(None) };
    let left = head.left();
    match depth {
        Depth::Heads => input.skip(left as u64, "a section")?,
        Depth::Bytes => {
            input.fill(&mut head.begun, left, "a section")?;
            check(&head.cid, &head.begun)?;
        }
    }
    Ok(Some(head))
}
