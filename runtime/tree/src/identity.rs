//! A text that is equal for equal input trees only. Go's `h1:` does not count empty directories and follows links, but
//! a guest sees both, so they are added to the list of names in a form that no file can have.

use std::io;

use sha2::{Digest, Sha256};

use crate::deadline::Deadline;
use crate::link::Link;
use crate::tree::{Kind, Tree};
use crate::{dirhash, threads};

const CHUNK: usize = 1 << 20;
/// Fewest files that are worth a thread.
const LEAST_FILES: usize = 8;

/// The identity of `tree`: the raw-block CID of a file; for a directory the `h1:` of its names without a prefix, where
/// an empty directory counts as an empty file `NAME/`, and a link as a file `NAME//` that contains its target.
///
/// For a directory without those, this equals `bacalhau hash --prefix '' DIR` and Go. It is the identity of a
/// [`HostTree`](crate::HostTree) with this content, for trees of others that are hashed by reading them.
///
/// # Errors
/// When not all of the tree can be read in time.
pub fn identity_of(tree: &dyn Tree, deadline: &Deadline) -> io::Result<String> {
    match tree.stat("")?.kind {
        Kind::Dir => {}
        Kind::File | Kind::Link => return Ok(Link::of_raw_digest(digest(tree, "", deadline)?).to_string()),
    }
    let mut leaves = Vec::new();
    collect(tree, deadline, &mut leaves)?;
    let lines = threads::each(leaves.len(), LEAST_FILES, |number| leaves[number].line(tree, deadline))?;
    dirhash::hash1(lines).map_err(io::Error::other)
}

enum Leaf {
    File(String),
    EmptyDir(String),
    Link(String),
}

impl Leaf {
    fn line(&self, tree: &dyn Tree, deadline: &Deadline) -> io::Result<(Vec<u8>, [u8; 32])> {
        Ok(match self {
            Self::File(path) => (path.clone().into_bytes(), digest(tree, path, deadline)?),
            Self::EmptyDir(path) => (format!("{path}/").into_bytes(), Sha256::digest(b"").into()),
            Self::Link(path) => (format!("{path}//").into_bytes(), Sha256::digest(tree.read_link(path)?).into()),
        })
    }
}

fn collect(tree: &dyn Tree, deadline: &Deadline, leaves: &mut Vec<Leaf>) -> io::Result<()> {
    let mut pending = vec![String::new()];
    while let Some(dir) = pending.pop() {
        deadline.check_io()?;
        let entries = tree.list(&dir)?;
        if entries.is_empty() && !dir.is_empty() {
            leaves.push(Leaf::EmptyDir(dir));
            continue;
        }
        for entry in entries {
            let path = if dir.is_empty() { entry.name } else { format!("{dir}/{}", entry.name) };
            match entry.kind {
                Kind::Dir => pending.push(path),
                Kind::File => leaves.push(Leaf::File(path)),
                Kind::Link => leaves.push(Leaf::Link(path)),
            }
        }
    }
    Ok(())
}

fn digest(tree: &dyn Tree, path: &str, deadline: &Deadline) -> io::Result<[u8; 32]> {
    let file = tree.open(path)?;
    let size = tree.stat(path)?.size;
    let mut buffer = vec![0; usize::try_from(size).map_or(CHUNK, |size| size.clamp(1, CHUNK))];
    let mut hasher = Sha256::new();
    let mut offset = 0;
    loop {
        deadline.check_io()?;
        let read = file.read_at(&mut buffer, offset)?;
        hasher.update(&buffer[..read]);
        deadline.hashed(read);
        offset += read as u64;
        if read < buffer.len() {
            return Ok(hasher.finalize().into());
        }
    }
}
