//! Finds nodes by path, as POSIX does, within the directory that a path is relative to: no `..` and no link leads out of
//! it. The root holds everything, so a path from there may also begin with `/`.

use std::sync::Arc;

use bacalhau_tree::Kind;

use super::errno::Errno;
use super::fault::Answer;
use super::listing::Listing;
use super::node::{Body, NodeId};
use super::{Vfs, path};

/// Links followed for one path, as on Linux.
const MOST_LINKS: usize = 40;

/// A resolved path: the parent directory, the last name, and the existing node if any.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) parent: NodeId,
    /// `None` when the path ends in `.` or `..`, or is `/`: then `node` is that directory.
    pub(crate) name: Option<Box<str>>,
    pub(crate) node: Option<NodeId>,
    /// The path ends in `/`: only a directory will do.
    pub(crate) wants_dir: bool,
}

impl Place {
    /// The node, or `ENOENT`; `ENOTDIR` when a trailing slash requires a directory.
    pub(crate) fn existing(&self, vfs: &Vfs) -> Answer<NodeId> {
        let node = self.node.ok_or(Errno::Noent)?;
        if self.wants_dir && vfs.kind(node) != Kind::Dir { Err(Errno::Notdir.into()) } else { Ok(node) }
    }
}

impl Vfs {
    /// Follows `path` from the directory `base`; a link at its end only if `follow`, or if the path ends in `/`.
    pub(crate) fn resolve(&mut self, base: NodeId, path: &str, follow: bool) -> Answer<Place> {
        if path.is_empty() {
            return Err(Errno::Noent.into());
        }
        let mut walk = Walk { base, trail: vec![base], pending: Vec::new(), links: 0, wants_dir: false };
        walk.push(path)?;
        loop {
            let Some(part) = walk.pending.pop() else { return Ok(walk.here()) };
            let last = walk.pending.is_empty();
            if &*part == "." {
                continue;
            }
            if &*part == ".." {
                if !(self.root_is_its_parent && walk.dir() == NodeId::ROOT) {
                    walk.up()?;
                }
                continue;
            }
            let parent = walk.dir();
            let name = path::check_name(part.as_bytes())?;
            let node = self.lookup(parent, name)?;
            // Links are followed along the path, and at its end if the caller or a trailing slash requires it.
            if let Some(Body::Link(target)) = node.map(|id| &self.node(id).body)
                && (!last || follow || walk.wants_dir)
            {
                walk.follow(target)?;
                continue;
            }
            if last {
                return Ok(Place { parent, name: Some(name.into()), node, wants_dir: walk.wants_dir });
            }
            walk.down(node.ok_or(Errno::Noent)?);
            self.dir(walk.dir())?;
        }
    }

    /// The node that `name` names in a directory, if any.
    pub(super) fn lookup(&mut self, dir: NodeId, name: &str) -> Answer<Option<NodeId>> {
        if self.dir(dir)?.depth >= self.most_depth {
            return Err(Errno::Nametoolong.into());
        }
        self.fill(dir)?;
        Ok(self.dir(dir)?.entries().get(name).copied())
    }

    /// The target of a link.
    pub(crate) fn read_link(&self, id: NodeId) -> Answer<&str> {
        match &self.node(id).body {
            Body::Link(target) => Ok(target),
            Body::Dir(_) | Body::File(_) => Err(Errno::Inval.into()),
        }
    }

    /// `.`, `..` and the entries of a directory in byte order, each with its inode and kind. Above the root is the root. To be
    /// given back with [`unlist`](Self::unlist).
    pub(crate) fn list(&mut self, id: NodeId) -> Answer<Arc<Listing>> {
        self.fill(id)?;
        if let Some(listed) = self.dir(id)?.listed.upgrade() {
            return Ok(listed);
        }
        let dir = self.dir(id)?;
        let dots = [(".", id), ("..", dir.parent())];
        let bytes = dir.entries().keys().map(|name| name.len()).sum::<usize>() + 3;
        let entries = dir.entries().len() + dots.len();
        self.memory.take(Listing::kept_bytes_of(entries, bytes))?;
        let mut listing = Listing::with_capacity(entries, bytes);
        for (name, dir) in dots {
            listing.push(name, dir, Kind::Dir);
        }
        for (name, node) in self.dir(id)?.entries() {
            listing.push(name, *node, self.kind(*node));
        }
        let listing = Arc::new(listing);
        self.dir_mut(id)?.listed = Arc::downgrade(&listing);
        Ok(listing)
    }

    /// A descriptor does not need a listing any more.
    pub(crate) fn unlist(&mut self, listing: Arc<Listing>) {
        if let Some(listing) = Arc::into_inner(listing) {
            self.memory.give_back(listing.kept_bytes());
        }
    }
}

struct Walk {
    base: NodeId,
    /// From the base down to where the walk is, without links.
    trail: Vec<NodeId>,
    /// Parts still to go, the next one last.
    pending: Vec<Box<str>>,
    links: usize,
    wants_dir: bool,
}

impl Walk {
    fn push(&mut self, path: &str) -> Answer<()> {
        if path.len() > path::MAX_PATH_BYTES {
            return Err(Errno::Nametoolong.into());
        }
        if path.starts_with('/') {
            if self.base != NodeId::ROOT {
                return Err(Errno::Perm.into());
            }
            self.trail.truncate(1);
        }
        // The last part decides whether the whole path requires a directory.
        if self.pending.is_empty() {
            self.wants_dir |= path.ends_with('/');
        }
        self.pending.extend(path.split('/').filter(|part| !part.is_empty()).rev().map(Into::into));
        Ok(())
    }

    fn follow(&mut self, target: &str) -> Answer<()> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::Loop.into());
        }
        self.push(target)
    }

    fn up(&mut self) -> Answer<()> {
        if self.trail.len() == 1 {
            return Err(Errno::Perm.into());
        }
        self.trail.pop();
        Ok(())
    }

    fn down(&mut self, id: NodeId) {
        self.trail.push(id);
    }

    fn dir(&self) -> NodeId {
        *self.trail.last().unwrap_or(&self.base)
    }

    fn here(&self) -> Place {
        Place { parent: self.dir(), name: None, node: Some(self.dir()), wants_dir: true }
    }
}
