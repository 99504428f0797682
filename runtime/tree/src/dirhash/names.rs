//! Name functions of Go's `path/filepath` for directory hashes: cleaning, adding and removing prefixes.
//!
//! Lexical only, without file system access.

use std::path::{Component, Path, PathBuf};

use super::HashError;

/// `filepath.Clean`: resolves `.` and `..` lexically; an empty result is `.`.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            Component::ParentDir if out.has_root() => {}
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() {
        out.push(".");
    }
    out
}

/// The prefix in the two forms that Go uses: cleaned to build names, as given to take it off again.
pub(super) struct Prefix {
    given: Vec<u8>,
    cleaned: Vec<u8>,
}

impl Prefix {
    pub(super) fn new(given: &str) -> Self {
        let cleaned = clean(Path::new(given)).as_os_str().as_encoded_bytes().to_vec();
        let cleaned = if cleaned == b"." { Vec::new() } else { cleaned };
        Self { given: given.as_bytes().to_vec(), cleaned }
    }

    /// Implements `filepath.Join(prefix, name)`.
    pub(super) fn full_name(&self, name: &[u8]) -> Vec<u8> {
        let mut full = self.cleaned.clone();
        if !full.is_empty() && full != b"/" {
            full.push(b'/');
        }
        full.extend_from_slice(name);
        full
    }

    /// Go opens `dir` + the full name with the given prefix cut off. Where that is another path than the one listed,
    /// Go fails, or by luck hashes another file under this name; we always fail.
    pub(super) fn check(&self, name: &[u8]) -> Result<(), HashError> {
        let full = self.full_name(name);
        if full.contains(&b'\n') {
            return Err(HashError::newline(&full));
        }
        let mut opened = full.strip_prefix(self.given.as_slice()).unwrap_or(&full);
        while let [b'/', rest @ ..] = opened {
            opened = rest;
        }
        if opened == name { Ok(()) } else { Err(HashError::prefix(&self.given, name)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_in_go() {
        for (given, want) in [
            ("", "."),
            ("a/b/../c/.", "a/c"),
            ("./", "."),
            ("../up", "../up"),
            ("a/../../b", "../b"),
            ("/../a//b/", "/a/b"),
            ("..", ".."),
        ] {
            assert_eq!(clean(Path::new(given)), Path::new(want), "{given}");
        }
    }
}
