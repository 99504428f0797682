//! Output of a container, written to files and to the live log, up to its limit.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bacalhau_tree::Control;

/// The two output files.
pub(super) struct Streams<'a> {
    stdout: File,
    stderr: File,
    left: u64,
    taken: u64,
    control: Option<&'a Control>,
}

impl<'a> Streams<'a> {
    /// New files in `dir`, for at most `most` bytes together.
    pub(super) fn new(dir: &Path, most: u64, control: Option<&'a Control>) -> io::Result<Self> {
        let file = |name| File::create_new(Self::path(dir, name));
        Ok(Self { stdout: file("stdout")?, stderr: file("stderr")?, left: most, taken: 0, control })
    }

    /// Path of a stream's file.
    pub(super) fn path(dir: &Path, name: &str) -> PathBuf {
        dir.join(name)
    }

    /// Bytes written so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Writes the next bytes. Returns false when they exceed the limit; then only the allowed part is written.
    pub(super) fn take(&mut self, stderr: bool, bytes: &[u8]) -> io::Result<bool> {
        let fits = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let taken = &bytes[..fits];
        let file = if stderr { &mut self.stderr } else { &mut self.stdout };
        file.write_all(taken)?;
        if let Some(control) = self.control {
            control.wrote(stderr, taken);
        }
        self.left -= fits as u64;
        self.taken += fits as u64;
        Ok(fits == bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_may_be_said_by_both_together() {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::default();
        let mut streams = Streams::new(dir.path(), 5, Some(&control)).unwrap();
        assert!(streams.take(false, b"abc").unwrap() && streams.take(true, b"de").unwrap());
        assert!(streams.take(false, b"").unwrap());
        assert!(!streams.take(false, b"f").unwrap());
        assert_eq!(std::fs::read(dir.path().join("stdout")).unwrap(), b"abc");
        assert_eq!((control.log(false, 0, 9), control.log(true, 0, 9)), (b"abc".to_vec(), b"de".to_vec()));
    }
}
