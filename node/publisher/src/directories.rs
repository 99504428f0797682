//! List of the empty directories of published results. It is published beside them, because neither their hash nor the
//! receipt's list of files contains empty directories, and file servers have no listings.

use std::fs;
use std::io;
use std::path::Path;

use bacalhau_runtime::is_result_name;
use bacalhau_tree::HostFailure;

/// Name of the list, in the parent directory of `results`.
pub const NAME: &str = "directories.json";

/// The relative paths of all empty directories below `results`, sorted.
///
/// # Errors
/// When a directory cannot be listed, or its name is not UTF-8.
pub(crate) fn empty(results: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut pending = vec![String::new()];
    while let Some(dir) = pending.pop() {
        let mut is_empty = true;
        for entry in fs::read_dir(results.join(&dir))? {
            let entry = entry?;
            is_empty = false;
            if entry.file_type()?.is_dir() {
                let name = entry.file_name().into_string();
                let name =
                    name.map_err(|name| io::Error::other(format!("the name {} is not UTF-8", name.display())))?;
                pending.push(if dir.is_empty() { name } else { format!("{dir}/{name}") });
            }
        }
        if is_empty && !dir.is_empty() {
            found.push(dir);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The list of `results` in its published form; `None` if no directory is empty.
///
/// # Errors
/// As for [`empty`].
pub(crate) fn published(results: &Path) -> Result<Option<Vec<u8>>, HostFailure> {
    let found = empty(results).map_err(|error| HostFailure::at("list", results, error))?;
    Ok(Some(to_json(&found)).filter(|_| !found.is_empty()))
}

/// The list in its published form.
pub(crate) fn to_json(directories: &[String]) -> Vec<u8> {
    serde_json::Value::from(directories).to_string().into_bytes()
}

/// Creates the directories of the list `json` below `results`, at most `max_entries` including parents.
///
/// # Errors
/// When the list is invalid or has a path that results cannot contain, or a directory cannot be created.
pub fn make(json: &[u8], results: &Path, max_entries: u64) -> io::Result<()> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let directories: Vec<String> = serde_json::from_slice(json).map_err(|error| wrong(error.to_string()))?;
    let mut entries: u64 = 0;
    for path in &directories {
        if !path.split('/').all(|name| is_result_name(name.as_bytes())) {
            return Err(wrong(format!("it contains the path {path:?}, which is not valid in results")));
        }
        entries = entries.saturating_add(path.split('/').count() as u64);
        if entries > max_entries {
            return Err(wrong(format!("it contains more than {max_entries} directories")));
        }
        fs::create_dir_all(results.join(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_makes_what_it_was_made_of_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("a/b c")).unwrap();
        fs::create_dir_all(from.join(".e")).unwrap();
        fs::write(from.join("a/f"), "").unwrap();
        fs::create_dir(&to).unwrap();
        let found = empty(&from).unwrap();
        assert_eq!(found, [".e", "a/b c"]);
        make(&to_json(&found), &to, 3).unwrap();
        assert_eq!(empty(&to).unwrap(), found);
        assert!(make(&to_json(&found), &to, 2).unwrap_err().to_string().contains("more than 2"));
        for bad in ["../x", "/x", "a//b", "", "a/..", "x\n"] {
            let error = make(&to_json(&[bad.into()]), &to, 9).unwrap_err().to_string();
            assert!(error.contains("which is not valid in results"), "{bad:?}: {error}");
        }
        assert!(make(b"{}", &to, 9).unwrap_err().to_string().contains("expected a sequence"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
