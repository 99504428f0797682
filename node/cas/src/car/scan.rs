//! Goes over a whole archive to learn where its blocks are: the heads of the sections only, or all of it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use super::Entry;
use super::header::read_header;
use super::input::Input;
use super::section::Head;
use crate::{Cid, DataError, IDENTITY, check};

/// Bytes that are read at each section. Small sections lie within, large ones are leapt over.
const STRIDE_BYTES: usize = 4096;
/// Blocks of an archive: their entries take half a gigabyte of memory while the index is made.
const MAX_ENTRIES: usize = 1 << 24;

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// At the heads of sections. What they say of their blocks is not checked.
    Heads,
    /// At the bytes too, which are hashed.
    Bytes,
}

/// What is in an archive.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Its roots.
    pub(crate) roots: Vec<Cid>,
    /// Its blocks in their order, but those that stand in their CID.
    pub(crate) entries: Vec<Entry>,
    /// Where the last good section ends.
    pub(crate) end: u64,
    /// Why the rest of it was not read.
    pub(crate) stop: Option<DataError>,
}

/// Reads the archive `file`, which is called `name` in messages.
///
/// # Errors
/// When its header cannot be read. What is wrong further on is said in [`Scan::stop`].
pub(crate) fn scan(name: &str, file: &File, depth: Depth) -> Result<Scan, DataError> {
    let mut input = input(name, file)?;
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
pub(super) fn roots(name: &str, file: &File) -> Result<Vec<Cid>, DataError> {
    read_header(&mut input(name, file)?)
}

fn input<'a>(name: &str, file: &'a File) -> Result<Input<Placed<'a>>, DataError> {
    let len = file.metadata().map_err(|error| DataError::io(format!("read {name}"), error))?.len();
    let mut input = Input::new(name.into(), Placed { file, at: 0 }, STRIDE_BYTES);
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

/// A file that is read from a place of one's own: that of the file itself is shared between threads.
#[derive(Debug)]
struct Placed<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Placed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read_at(bytes, self.at)?;
        self.at += got as u64;
        Ok(got)
    }
}

impl Seek for Placed<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
