//! Portable names and paths of files in jobs, independent of the host's file system.

/// Maximum length of a name in bytes: that of every common file system.
pub const MAX_NAME_BYTES: usize = 255;

/// Why a name is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("the name is longer than 255 bytes")]
    TooLong,
    /// Not UTF-8, or contains a separator or control character.
    #[error("the name is not UTF-8, or has `/`, `\\` or a control character")]
    NotPortable,
    /// Empty, `.` or `..`.
    #[error("the name is empty, `.` or `..`")]
    Reserved,
}

/// Checks a name: UTF-8, 1 to 255 bytes, not `.` or `..`, without `/`, `\` and control characters, which Windows, tools
/// or the directory hash do not accept.
///
/// # Errors
/// The first violated rule.
pub fn check_name(name: &[u8]) -> Result<&str, NameError> {
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong);
    }
    let name = str::from_utf8(name).map_err(|_| NameError::NotPortable)?;
    if name.chars().any(|c| matches!(c, '/' | '\\') || c.is_ascii_control()) {
        return Err(NameError::NotPortable);
    }
    if matches!(name, "" | "." | "..") { Err(NameError::Reserved) } else { Ok(name) }
}

/// Checks the path of an input or output: absolute, not the root, plain names only.
pub(crate) fn check_place(place: &str) -> Result<(), String> {
    let plain =
        place.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|name| check_name(name.as_bytes()).is_ok()));
    if plain {
        Ok(())
    } else {
        Err(format!(
            "{place:?} is not a valid path of an input or output: write an absolute path with plain names, as in \
             /inputs/a"
        ))
    }
}

/// Whether two paths are equal, or one contains the other.
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
            assert_eq!(check_name(bad.as_bytes()), Err(NameError::NotPortable), "{bad:?}");
        }
        assert_eq!(check_name(b"\xff"), Err(NameError::NotPortable));
        assert_eq!(check_name("x".repeat(256).as_bytes()), Err(NameError::TooLong));
        for reserved in ["", ".", ".."] {
            assert_eq!(check_name(reserved.as_bytes()), Err(NameError::Reserved), "{reserved:?}");
        }
    }

    #[test]
    fn places() {
        assert!(check_place("/inputs").is_ok());
        assert!(check_place("/inputs/a.csv").is_ok());
        for bad in ["", "/", "inputs", "/inputs/", "/a/../b", "//a", "/a//b"] {
            assert!(check_place(bad).unwrap_err().contains("is not a valid path of an input or output"), "{bad:?}");
        }
        assert!(overlap("/a", "/a"));
        assert!(overlap("/a", "/a/b"));
        assert!(overlap("/a/b", "/a"));
        assert!(!overlap("/a", "/ab"));
    }
}
