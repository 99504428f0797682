//! A file of this machine, read at any place.

use std::borrow::Borrow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bacalhau_tree::ReadAt;

/// An open file. Its own read position is not used.
#[derive(Debug)]
pub struct FileBytes<F = File>(pub F);

impl<F: Borrow<File> + Send + Sync> ReadAt for FileBytes<F> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full(self.0.borrow(), buf, offset)
    }
}

/// Reads until `buf` is full or the file ends.
fn read_full(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        let at = offset.checked_add(done as u64).ok_or(io::ErrorKind::InvalidInput)?;
        match FileExt::read_at(file, &mut buf[done..], at) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
