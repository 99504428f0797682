//! Compares a tree with a DAG by its locally available blocks. Stronger than an import: a profile that yields the CID
//! proves a copy, but profiles that do not yield it disprove nothing.

use std::fmt;
use std::sync::Arc;

use bacalhau_tree::{Kind, ReadAt, Tree};

use super::DagTree;
use crate::{BlockSource, Cid, DataError};

/// Bytes that are compared at a time.
const CHUNK: usize = 1 << 20;

/// Result of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// All blocks are available, and the tree is equal.
    Equal,
    /// It is not, in words.
    Differs(String),
    /// No difference was found, and not all blocks are at hand.
    Open,
}

/// Compares `tree` with the DAG of `cid`. Missing or malformed blocks are inconclusive.
///
/// # Errors
/// When the tree cannot be read.
pub(super) fn compare(tree: &dyn Tree, cid: &Cid, blocks: Arc<dyn BlockSource>) -> Result<Compared, DataError> {
    let Ok(dag) = DagTree::open(blocks, cid, "") else { return Ok(Compared::Open) };
    let mut all = true;
    let mut pending = vec![String::new()];
    // Descends only into directories with equal names, so the tree bounds the DAG.
    while let Some(path) = pending.pop() {
        match at(&dag, tree, &path)? {
            At::Open => all = false,
            At::Differs(why) => return Ok(Compared::Differs(why)),
            At::Equal(names) => pending.extend(names.into_iter().map(|name| joined(&path, &name))),
        }
    }
    Ok(if all { Compared::Equal } else { Compared::Open })
}

/// Comparison at one path.
enum At {
    /// Equal, with these names below it.
    Equal(Vec<String>),
    Differs(String),
    Open,
}

fn at(dag: &DagTree, tree: &dyn Tree, path: &str) -> Result<At, DataError> {
    let failed = |error| DataError::io(format!("compare {path:?} of a copy"), error);
    let shown = if path.is_empty() { "it".into() } else { format!("{path:?} in it") };
    let Ok(named) = dag.stat(path) else { return Ok(At::Open) };
    let found = tree.stat(path).map_err(failed)?;
    if found.kind != named.kind {
        let why = format!("{shown} is {}, and the CID names {}", kind(found.kind), kind(named.kind));
        return Ok(At::Differs(why));
    }
    match named.kind {
        Kind::Dir => {
            let Ok(named) = dag.names(path) else { return Ok(At::Open) };
            let listed = tree.list(path).map_err(failed)?;
            let mut found: Vec<String> = listed.into_iter().map(|entry| entry.name).collect();
            found.sort_unstable();
            let only = |names: &[String], others: &[String]| {
                names.iter().find(|name| others.binary_search(name).is_err()).cloned()
            };
            let place = if path.is_empty() { String::new() } else { format!(" in {path:?}") };
            Ok(match (only(&found, &named), only(&named, &found)) {
                (Some(name), _) => At::Differs(format!("it has {name:?}{place}, and the CID names no such entry")),
                (_, Some(name)) => At::Differs(format!("it lacks {name:?}{place}, which the CID names")),
                (None, None) => At::Equal(named),
            })
        }
        Kind::Link => {
            let Ok(named) = dag.read_link(path) else { return Ok(At::Open) };
            if tree.read_link(path).map_err(failed)? == named {
                return Ok(At::Equal(Vec::new()));
            }
            Ok(At::Differs(format!("{shown} is a link to another place than the CID names")))
        }
        Kind::File if found.size != named.size => {
            let why = format!("{shown} has {} bytes, and the CID names a file of {}", found.size, named.size);
            Ok(At::Differs(why))
        }
        Kind::File => {
            let Ok(named) = dag.open(path) else { return Ok(At::Open) };
            let found = tree.open(path).map_err(failed)?;
            Ok(match content(&*named, &*found).map_err(failed)? {
                Content::Equal => At::Equal(Vec::new()),
                Content::Differs(offset) => At::Differs(format!(
                    "{shown} differs from the data of the CID, in the {CHUNK} bytes from {offset} on"
                )),
                Content::Open => At::Open,
            })
        }
    }
}

enum Content {
    Equal,
    /// Different, after this many bytes.
    Differs(u64),
    Open,
}

fn content(named: &dyn ReadAt, found: &dyn ReadAt) -> std::io::Result<Content> {
    let (mut a, mut b) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut offset = 0;
    loop {
        let Ok(length) = named.read_at(&mut a, offset) else { return Ok(Content::Open) };
        let read = found.read_at(&mut b, offset)?;
        if a[..length] != b[..read] {
            return Ok(Content::Differs(offset));
        }
        if length < CHUNK {
            return Ok(Content::Equal);
        }
        offset += length as u64;
    }
}

/// A kind with its article.
pub(super) fn kind(kind: Kind) -> impl fmt::Display {
    match kind {
        Kind::Dir => "a directory",
        Kind::File => "a file",
        Kind::Link => "a symbolic link",
    }
}

fn joined(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.into() } else { format!("{dir}/{name}") }
}
