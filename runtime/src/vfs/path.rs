//! Names and paths of the guest: one portable set of names, whatever the host's file system can hold.

use super::errno::Errno;

/// Longest name, in bytes: what every common file system holds.
pub(crate) const MAX_NAME_BYTES: usize = 255;
/// Longest path that a call may pass, in bytes: Linux's `PATH_MAX`.
pub(crate) const MAX_PATH_BYTES: usize = 4096;

/// Checks one name of a path: UTF-8, 1 to 255 bytes, not `.` or `..`, and none of `/`, `\` and the control
/// characters, which Windows, tools or the directory hash could not take.
pub(crate) fn check_name(name: &[u8]) -> Result<&str, Errno> {
    if name.len() > MAX_NAME_BYTES {
        return Err(Errno::Nametoolong);
    }
    let name = str::from_utf8(name).map_err(|_| Errno::Ilseq)?;
    if name.chars().any(|c| matches!(c, '/' | '\\') || c.is_ascii_control()) {
        return Err(Errno::Ilseq);
    }
    if matches!(name, "" | "." | "..") { Err(Errno::Inval) } else { Ok(name) }
}

/// Checks the place of an input or an output: absolute, not the root, plain names only.
pub(crate) fn check_place(place: &str) -> Result<(), String> {
    let plain =
        place.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|name| check_name(name.as_bytes()).is_ok()));
    if plain {
        Ok(())
    } else {
        Err(format!(
            "{place:?} is not a place for an input or output: write an absolute path with plain names, as in /inputs/a"
        ))
    }
}

/// Whether one of two places is the other, or lies in it.
pub(crate) fn overlap(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(a, b) || within(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "a b", "ü", "...", ".a", "a:b", &"x".repeat(255)] {
            assert_eq!(check_name(good.as_bytes()), Ok(good), "{good:?}");
        }
        for bad in ["a\\b", "a\nb", "a\0b", "\x7f", "a/b"] {
            assert_eq!(check_name(bad.as_bytes()), Err(Errno::Ilseq), "{bad:?}");
        }
        assert_eq!(check_name(b"\xff"), Err(Errno::Ilseq));
        assert_eq!(check_name("x".repeat(256).as_bytes()), Err(Errno::Nametoolong));
    }

    #[test]
    fn places() {
        assert!(check_place("/inputs").is_ok());
        assert!(check_place("/inputs/a.csv").is_ok());
        for bad in ["", "/", "inputs", "/inputs/", "/a/../b", "//a", "/a//b"] {
            assert!(check_place(bad).is_err(), "{bad:?}");
        }
        assert!(overlap("/a", "/a"));
        assert!(overlap("/a", "/a/b"));
        assert!(overlap("/a/b", "/a"));
        assert!(!overlap("/a", "/ab"));
    }
}
