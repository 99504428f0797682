//! Makes, moves, links and removes nodes, by POSIX' rules. Inputs stay as they are, and mount points where they are.

use bacalhau_tree::Kind;

use super::errno::Errno;
use super::fault::Answer;
use super::node::{Body, Content, Dir, Node, NodeId};
use super::{ENTRY_WORK, Place, Vfs, path};

impl Vfs {
    /// Creates a directory.
    pub(crate) fn make_dir(&mut self, place: &Place) -> Answer<()> {
        let depth = self.depth_below(place.parent)?;
        let dir = Dir::new(place.parent, depth);
        self.make(place, Body::Dir(dir)).map(drop)
    }

    /// Makes an empty file.
    pub(crate) fn make_file(&mut self, place: &Place) -> Answer<NodeId> {
        // POSIX answers EISDIR to a file to be made under a name with a trailing slash.
        if place.wants_dir && place.node.is_none() {
            return Err(Errno::Isdir.into());
        }
        self.make(place, Body::File(Content::Memory(Vec::new())))
    }

    /// A file without a name, for the standard streams. It counts against no quota.
    pub(crate) fn make_unnamed_file(&mut self) -> Answer<NodeId> {
        let mut node = Node::new(Body::File(Content::Memory(Vec::new())), self.clock.now());
        node.links = 0;
        node.opens = 1;
        self.add(node)
    }

    /// Creates a symbolic link. Its target need not exist.
    pub(crate) fn make_link(&mut self, target: &str, place: &Place) -> Answer<()> {
        if target.is_empty() || place.wants_dir && place.node.is_none() {
            return Err(Errno::Noent.into());
        }
        if target.len() > path::MAX_PATH_BYTES {
            return Err(Errno::Nametoolong.into());
        }
        if target.contains('\0') {
            return Err(Errno::Ilseq.into());
        }
        self.make(place, Body::Link(target.into())).map(drop)
    }

    fn make(&mut self, place: &Place, body: Body) -> Answer<NodeId> {
        let name = self.vacant(place)?;
        self.depth_below(place.parent)?;
        self.usage.add_file()?;
        let id = self.add(Node::new(body, self.clock.now()))?;
        self.enter(place.parent, name, id)?;
        Ok(id)
    }

    /// Gives a file or link a second name.
    pub(crate) fn link(&mut self, old: NodeId, place: &Place) -> Answer<()> {
        match self.kind(old) {
            Kind::Dir => return Err(Errno::Perm.into()),
            Kind::File | Kind::Link if self.is_read_only(old) => {
                // Inputs are read-only; moving out of one would cross devices.
                return Err(if self.is_read_only(place.parent) { Errno::Rofs } else { Errno::Xdev }.into());
            }
            Kind::File | Kind::Link => {}
        }
        if place.wants_dir && place.node.is_none() {
            return Err(Errno::Noent.into());
        }
        let name = self.vacant(place)?;
        self.usage.add_file()?;
        let now = self.clock.now();
        let node = self.node_mut(old);
        node.links += 1;
        node.times.changed = now;
        self.enter(place.parent, name, old)
    }

    /// Removes the name of a file or link.
    pub(crate) fn unlink(&mut self, place: &Place) -> Answer<()> {
        let id = place.node.ok_or(Errno::Noent)?;
        if self.kind(id) == Kind::Dir {
            return Err(Errno::Isdir.into());
        }
        place.existing(self)?;
        self.movable(id, place.parent)?;
        self.remove(place, id)
    }

    /// Removes an empty directory.
    pub(crate) fn remove_dir(&mut self, place: &Place) -> Answer<()> {
        let id = place.node.ok_or(Errno::Noent)?;
        if place.name.is_none() {
            return Err(if id == NodeId::ROOT { Errno::Busy } else { Errno::Inval }.into());
        }
        self.movable(id, place.parent)?;
        let dir = self.dir(id)?;
        if !dir.entries().is_empty() {
            return Err(Errno::Notempty.into());
        }
        self.remove(place, id)
    }

    /// Moves a node, in place of another one of its kind if there is one.
    pub(crate) fn rename(&mut self, from: &Place, to: &Place) -> Answer<()> {
        let id = from.existing(self)?;
        let (Some(old_name), Some(new_name)) = (&from.name, &to.name) else { return Err(Errno::Busy.into()) };
        self.movable(id, from.parent)?;
        self.takes_names(to.parent)?;
        let is_dir = self.kind(id) == Kind::Dir;
        if to.wants_dir && !is_dir {
            return Err(if to.node.is_some_and(|node| self.kind(node) == Kind::Dir) {
                Errno::Isdir
            } else {
                Errno::Notdir
            }
            .into());
        }
        if to.node == Some(id) {
            return Ok(());
        }
        if is_dir {
            self.check_move_of_dir(id, to.parent)?;
        }
        if let Some(replaced) = to.node {
            self.check_replacement(id, replaced, to.parent)?;
            self.remove(to, replaced)?;
        }
        let now = self.clock.now();
        self.take_name(from.parent, old_name)?;
        self.node_mut(from.parent).times.modified = now;
        self.node_mut(from.parent).times.changed = now;
        self.node_mut(id).times.changed = now;
        if is_dir {
            let depth = self.depth_below(to.parent)?;
            self.dir_mut(id)?.set_parent(to.parent);
            if depth != self.dir(id)?.depth {
                self.set_depth(id, depth)?;
            }
        }
        self.enter(to.parent, new_name.clone(), id)
    }

    /// A directory can't be moved into itself, nor so deep that its lowest directory is too deep.
    fn check_move_of_dir(&mut self, id: NodeId, to: NodeId) -> Answer<()> {
        let mut above = to;
        while above != NodeId::ROOT {
            if above == id {
                return Err(Errno::Inval.into());
            }
            above = self.dir(above)?.parent();
        }
        let deepens = self.depth_below(to)? > self.dir(id)?.depth;
        if deepens && self.depth_below(to)? + self.height(id)? > self.most_depth {
            return Err(Errno::Nametoolong.into());
        }
        Ok(())
    }

    fn check_replacement(&self, id: NodeId, replaced: NodeId, parent: NodeId) -> Answer<()> {
        self.movable(replaced, parent)?;
        match (self.kind(id), self.kind(replaced)) {
            (Kind::Dir, Kind::Dir) => {
                if self.dir(replaced)?.entries().is_empty() {
                    Ok(())
                } else {
                    Err(Errno::Notempty.into())
                }
            }
            (Kind::Dir, _) => Err(Errno::Notdir.into()),
            (_, Kind::Dir) => Err(Errno::Isdir.into()),
            _ => Ok(()),
        }
    }

    fn remove(&mut self, place: &Place, id: NodeId) -> Answer<()> {
        self.writable(place.parent)?;
        let now = self.clock.now();
        if let Some(name) = &place.name {
            self.take_name(place.parent, name)?;
        }
        let parent = self.node_mut(place.parent);
        parent.times.modified = now;
        parent.times.changed = now;
        let node = self.node_mut(id);
        node.links -= 1;
        node.times.changed = now;
        self.usage.remove_file();
        self.drop_if_unused(id)
    }

    fn enter(&mut self, dir: NodeId, name: Box<str>, id: NodeId) -> Answer<()> {
        let now = self.clock.now();
        self.put_name(dir, name, id)?;
        let node = self.node_mut(dir);
        node.times.modified = now;
        node.times.changed = now;
        Ok(())
    }

    /// The name of a place where something new can be.
    fn vacant(&self, place: &Place) -> Answer<Box<str>> {
        if place.node.is_some() {
            return Err(Errno::Exist.into());
        }
        self.takes_names(place.parent)?;
        place.name.clone().ok_or_else(|| Errno::Exist.into())
    }

    /// A removed directory with an open descriptor accepts no entries.
    fn takes_names(&self, dir: NodeId) -> Answer<()> {
        self.writable(dir)?;
        if self.node(dir).links == 0 { Err(Errno::Noent.into()) } else { Ok(()) }
    }

    fn writable(&self, dir: NodeId) -> Answer<()> {
        if self.is_read_only(dir) { Err(Errno::Rofs.into()) } else { Ok(()) }
    }

    /// Neither part of an input, nor a mount point, nor `/dev/null`.
    fn movable(&self, id: NodeId, parent: NodeId) -> Answer<()> {
        self.writable(parent)?;
        let pinned = self.dir(id).is_ok_and(|dir| dir.pinned);
        // An input that is a file is a mount point too: a read-only node in a writable directory.
        if pinned || self.is_read_only(id) || self.null == Some(id) { Err(Errno::Busy.into()) } else { Ok(()) }
    }

    /// Nesting depth of a new entry in `dir`.
    fn depth_below(&self, dir: NodeId) -> Answer<u64> {
        let depth = self.dir(dir)?.depth + 1;
        if depth > self.most_depth { Err(Errno::Nametoolong.into()) } else { Ok(depth) }
    }

    /// Levels of directories below `id`. As deep as `path_depth` at most, so recursion is bounded.
    fn height(&mut self, id: NodeId) -> Answer<u64> {
        let mut most = 0;
        for child in self.dirs_in(id)? {
            most = most.max(self.height(child)? + 1);
        }
        Ok(most)
    }

    fn set_depth(&mut self, id: NodeId, depth: u64) -> Answer<()> {
        self.dir_mut(id)?.depth = depth;
        self.dirs_in(id)?.into_iter().try_for_each(|child| self.set_depth(child, depth + 1))
    }

    /// The directories in a directory.
    fn dirs_in(&mut self, id: NodeId) -> Answer<Vec<NodeId>> {
        let entries = self.dir(id)?.entries();
        let work = entries.len() as u64 * ENTRY_WORK;
        let dirs = entries.values().copied().filter(|child| self.kind(*child) == Kind::Dir).collect();
        self.work += work;
        Ok(dirs)
    }
}
