//! Names and paths of the guest, as WASI answers for them.

use bacalhau_receipt::names::{self, NameError};

use super::errno::Errno;

pub(crate) use bacalhau_receipt::names::MAX_NAME_BYTES;
/// Longest path that a call may pass, in bytes: Linux's `PATH_MAX`.
pub(crate) const MAX_PATH_BYTES: usize = 4096;

/// Checks one name of a path by the rules of [`names::check_name`].
pub(crate) fn check_name(name: &[u8]) -> Result<&str, Errno> {
    names::check_name(name).map_err(|error| match error {
        NameError::TooLong => Errno::Nametoolong,
        NameError::NotPortable => Errno::Ilseq,
        NameError::Reserved => Errno::Inval,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_errno() {
        assert_eq!(check_name(b"a"), Ok("a"));
        assert_eq!(check_name(b"a/b"), Err(Errno::Ilseq));
        assert_eq!(check_name(b"\xff"), Err(Errno::Ilseq));
        assert_eq!(check_name("x".repeat(256).as_bytes()), Err(Errno::Nametoolong));
        assert_eq!(check_name(b".."), Err(Errno::Inval));
    }
}
