//! Mounts inputs and outputs, and lists directories of inputs on first access, so that large inputs cost nothing until
//! they are read.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bacalhau_tree::{Entry, HostFailure, InputError, Kind, Tree};

use super::fault::Answer;
use super::node::{Body, Content, Dir, Node, NodeId, Source};
use super::trees::Trees;
use super::{ENTRY_WORK, Vfs, path};

impl Vfs {
    /// Puts the inputs at their places, in byte order of the places. Each is absolute, plain, and lies in no other.
    pub(crate) fn mount(&mut self, inputs: &BTreeMap<String, Arc<dyn Tree>>) -> Answer<()> {
        let trees = inputs.iter().map(|(place, tree)| (place.clone(), tree.clone())).collect();
        self.trees = Trees::new(trees);
        for (index, place) in inputs.keys().enumerate() {
            let (parent, name) = self.make_way(place)?;
            let source = Source { tree: index, path: "".into() };
            let kind = self.trees.kind(&source)?;
            self.add_input(parent, name, kind, source)?;
        }
        Ok(())
    }

    /// Makes the directory at `place`, unless there is something. It is the guest's to fill, but not to move or remove.
    pub(crate) fn make_place(&mut self, place: &str) -> Answer<NodeId> {
        let (parent, name) = self.make_way(place)?;
        self.pinned_dir(parent, name)
    }

    /// Makes `/dev/null`, unless the job has something at `/dev`.
    pub(crate) fn make_null(&mut self) -> Answer<()> {
        if self.dir(NodeId::ROOT)?.entries().contains_key("dev") {
            return Ok(());
        }
        let dev = self.pinned_dir(NodeId::ROOT, "dev")?;
        let null = self.add(Node::new(Body::File(Content::Memory(Vec::new())), self.clock.now()))?;
        self.put_name(dev, "null".into(), null)?;
        self.null = Some(null);
        Ok(())
    }

    /// Makes the directories above `place`, and answers the last of them and the name below it.
    fn make_way<'a>(&mut self, place: &'a str) -> Answer<(NodeId, &'a str)> {
        let plain = place.trim_start_matches('/');
        let (above, name) = plain.rsplit_once('/').unwrap_or(("", plain));
        let mut dir = NodeId::ROOT;
        for part in above.split('/').filter(|part| !part.is_empty()) {
            dir = self.pinned_dir(dir, part)?;
        }
        Ok((dir, name))
    }

    fn pinned_dir(&mut self, parent: NodeId, name: &str) -> Answer<NodeId> {
        if let Some(known) = self.dir(parent)?.entries().get(name) {
            return Ok(*known);
        }
        let depth = self.dir(parent)?.depth + 1;
        let dir = Dir::pinned(parent, depth);
        let id = self.add(Node::new(Body::Dir(dir), self.clock.now()))?;
        self.put_name(parent, name.into(), id)?;
        Ok(id)
    }

    /// Lists a directory of an input once. Inodes follow the byte order of names, independent of the host's order.
    pub(super) fn fill(&mut self, id: NodeId) -> Answer<()> {
        let Some(source) = self.dir_mut(id)?.unread.take() else { return Ok(()) };
        self.memory.give_back(source.kept_bytes());
        let mut entries = self.trees.list(&source)?;
        self.work += entries.len() as u64 * ENTRY_WORK;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for Entry { name, kind } in entries {
            if path::check_name(name.as_bytes()).is_err() {
                return Err(unusable(&source, &name).into());
            }
            let below =
                if source.path.is_empty() { name.as_str().into() } else { format!("{}/{name}", source.path).into() };
            self.add_input(id, &name, kind, Source { tree: source.tree, path: below })?;
        }
        Ok(())
    }

    fn add_input(&mut self, parent: NodeId, name: &str, kind: Kind, source: Source) -> Answer<()> {
        let depth = self.dir(parent)?.depth + 1;
        let body = match kind {
            Kind::Dir => {
                let mut dir = Dir::new(parent, depth);
                dir.pinned = source.path.is_empty();
                dir.unread = Some(source);
                Body::Dir(dir)
            }
            Kind::File => Body::File(Content::Input { source, size: None }),
            Kind::Link => Body::Link(self.trees.read_link(&source)?.into()),
        };
        // The age of inputs is the epoch, whatever the host reports and whenever they are first accessed.
        let mut node = Node::new(body, self.clock.epoch());
        node.read_only = true;
        let id = self.add(node)?;
        self.put_name(parent, name.into(), id)
    }
}

fn unusable(source: &Source, name: &str) -> HostFailure {
    let why = format!(
        "the input has a file named {name:?} in {:?}; names with control characters or backslashes, or of more than {} bytes, \
         are not possible on every machine: rename it",
        source.path,
        path::MAX_NAME_BYTES
    );
    HostFailure::of(io::Error::new(io::ErrorKind::InvalidInput, InputError::Unusable(why)))
}
