//! Writes the links of a tree last. A link may point outside by its target, or only through other links, which is
//! checked on the host when all exist.

use std::io;

use cap_std::fs::Dir;

use super::Links;
use crate::DataError;

/// Writes `links` below `root`, and returns the omitted ones.
pub(super) fn write(
    root: &Dir,
    links: Vec<(String, String)>,
    policy: Links,
    failed: impl Fn(&str, io::Error) -> DataError,
) -> Result<Vec<String>, DataError> {
    let mut skipped = Vec::new();
    let mut written = Vec::new();
    for (path, target) in links {
        if stays(&path, &target) {
            root.symlink_contents(&target, &path).map_err(|error| failed(&path, error))?;
            written.push((path, target));
        } else {
            refuse(policy, path, &target, &mut skipped)?;
        }
    }
    // Removing links can only break others, so one round is sufficient.
    for (path, target) in written {
        if leads_out(root, &path) {
            root.remove_file(&path).map_err(|error| failed(&path, error))?;
            refuse(policy, path, &target, &mut skipped)?;
        }
    }
    Ok(skipped)
}

fn refuse(policy: Links, path: String, target: &str, skipped: &mut Vec<String>) -> Result<(), DataError> {
    match policy {
        Links::Skip => {
            skipped.push(path);
            Ok(())
        }
        Links::Refuse => {
            let what = format!("the link {path:?} to {target:?}");
            Err(DataError::unsupported(what, "it leads out of the tree; have such links left out"))
        }
    }
}

/// Whether the target, read without regard to other links, is inside of the tree.
fn stays(path: &str, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') || target.contains(['\\', '\0']) {
        return false;
    }
    let depth = path.matches('/').count();
    let end = target.split('/').try_fold(depth, |depth, name| match name {
        "" | "." => Some(depth),
        ".." => depth.checked_sub(1),
        _ => Some(depth + 1),
    });
    end.is_some()
}

/// Whether following the link leaves `root` on the host. Broken and circular links do not.
fn leads_out(root: &Dir, path: &str) -> bool {
    root.metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_from_where_the_link_is() {
        for (path, target) in [("a", "b"), ("d/a", "../b"), ("d/a", ".."), ("a", "d/../b"), ("d/e/a", "../.././b//c")] {
            assert!(stays(path, target), "{path} {target}");
        }
        for (path, target) in [
            ("a", ".."),
            ("a", "/"),
            ("a", ""),
            ("d/a", "../../b"),
            ("a", "d/../../tree/b"),
            ("a", "..\\b"),
            ("a", "C:\\b"),
        ] {
            assert!(!stays(path, target), "{path} {target}");
        }
    }
}
