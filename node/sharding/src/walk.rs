//! All entries of an input, without recursion and with bounds: an input may come from a stranger, and a DAG that names one
//! directory many times is larger than it is.

use std::vec;

use bacalhau_tree::{Entry, Kind, MAX_PATH_DEPTH, Tree};

use super::ShardingError;
use super::place::Place;
use bacalhau_storage::Storage;

/// Entries of all inputs of a job that are looked at.
pub(super) const MAX_LISTED: usize = 1_000_000;

/// Calls `each` with the path of every directory and file of `place`, the root first, in byte order of names,
/// directories before their content. `listed` counts them.
pub(super) fn walk(
    storage: &dyn Storage,
    place: &Place,
    listed: &mut usize,
    each: &mut dyn FnMut(&str) -> Result<(), ShardingError>,
) -> Result<(), ShardingError> {
    *listed += 1;
    each("")?;
    if !place.may_be_dir() {
        return Ok(());
    }
    let opened = storage.open(&place.source).map_err(|error| place.failed(&error.to_string()))?;
    let tree = &*opened.tree;
    let root = tree.stat("").map_err(|error| place.failed(&error.to_string()))?;
    if root.kind != Kind::Dir {
        return Ok(());
    }
    let mut path = String::new();
    // For each directory on the path: the end of its path, and its remaining entries.
    let mut levels = vec![(0, list(tree, place, "")?)];
    while let Some((end, entries)) = levels.last_mut() {
        path.truncate(*end);
        let Some(Entry { name, kind }) = entries.next() else {
            levels.pop();
            continue;
        };
        if kind == Kind::Link {
            continue;
        }
        *listed += 1;
        if *listed > MAX_LISTED || levels.len() as u64 > MAX_PATH_DEPTH {
            return Err(ShardingError::TooManyEntries);
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&name);
        each(&path)?;
        if kind == Kind::Dir {
            let entries = list(tree, place, &path)?;
            levels.push((path.len(), entries));
        }
    }
    Ok(())
}

fn list(tree: &dyn Tree, place: &Place, path: &str) -> Result<vec::IntoIter<Entry>, ShardingError> {
    let mut entries = tree.list(path).map_err(|error| place.failed(&format!("/{path}: {error}")))?;
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries.into_iter())
}
