//! Whether a tree is what a CID names, by its blocks, as far as they are at hand. That says more than an import does: a
//! profile that gives the CID proves a copy, but none that does so disproves it.

use std::fmt;
use std::sync::Arc;

use bacalhau_tree::{Kind, ReadAt, Tree};

use super::DagTree;
use crate::{Blocks, Cid, DataError};

/// Bytes that are compared at a time.
const CHUNK: usize = 1 << 20;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// All blocks are at hand, and the tree is equal to what they hold.
    Equal,
    /// It is not, in words.
    Differs(String),
    /// No difference was found, and not all blocks are at hand.
    Open,
}

/// Compares `tree` with what `cid` names. Blocks that `blocks` does not have, or that make no sense, decide nothing.
///
/// # Errors
/// When the tree cannot be read.
pub(super) fn compare(tree: &dyn Tree, cid: &Cid, blocks: Arc<dyn Blocks>) -> Result<Compared, DataError> {
    let Ok(dag) = DagTree::open(blocks, cid, "") else { return Ok(Compared::Open) };
    let mut all = true;
    let mut pending = vec![String::new()];
    // A directory is looked into only where both have the same names, so that the tree is the bound of the DAG.
    while let Some(path) = pending.pop() {
        match at(&dag, tree, &path)? {
            At::Open => all = false,
            At::Differs(why) => return Ok(Compared::Differs(why)),
            At::Equal(names) => pending.extend(names.into_iter().map(|name| joined(&path, &name))),
        }
    }
    Ok(if all { Compared::Equal } else { Compared::Open })
}

/// What is at one path.
enum At {
    /// The same, with these names below it.
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
                    "{shown} differs from what the CID names, in the {CHUNK} bytes from {offset} on"
                )),
                Content::Open => At::Open,
            })
        }
    }
}

enum Content {
    Equal,
    /// After so many bytes.
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
