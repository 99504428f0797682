//! Moves the outputs into the results directory. Symbolic links are skipped and never followed.

use cap_std::fs::Dir as HostDir;

use bacalhau_tree::{Deadline, HostFailure, Kind};

use super::Vfs;
use super::fault::Answer;
use super::node::{Body, NodeId};
use super::scratch::size_of;
use crate::host_memory::allocation;

/// How often the path of a file that leaves is in memory at once: found, hashed, sorted into lines, claimed.
const LISTED: u64 = 4;

impl Vfs {
    /// Fills the empty directory `to` from the guest's directory `id`, and counts the skipped links. The run has ended,
    /// so files are moved.
    pub(crate) fn export_dir(
        &mut self,
        id: NodeId,
        to: &HostDir,
        links_dropped: &mut u64,
        deadline: &Deadline,
    ) -> Answer<()> {
        // No longer read.
        for (name, child) in self.dir_mut(id)?.take_entries() {
            deadline.check()?;
            match self.kind(child) {
                Kind::Link => *links_dropped += 1,
                Kind::File => self.export_file(child, to, &name, deadline)?,
                Kind::Dir => {
                    let made = to.create_dir(&*name).and_then(|()| to.open_dir(&*name));
                    let below = made
                        .map_err(|error| HostFailure::io(format!("make {name:?} in the results directory"), error))?;
                    self.export_dir(child, &below, links_dropped, deadline)?;
                }
            }
        }
        Ok(())
    }

    /// Puts a file at `name` of `to`.
    pub(crate) fn export_file(&mut self, id: NodeId, to: &HostDir, name: &str, deadline: &Deadline) -> Answer<()> {
        let Self { nodes, scratch, .. } = self;
        let Some(node) = nodes.get_mut(id) else { return Ok(()) };
        let Body::File(content) = &node.body else { return Ok(()) };
        if node.links < 2 {
            return Ok(scratch.move_out(id, content, to, name)?);
        }
        // Each additional name becomes a copy, so that editing one file does not change another. The last one is moved.
        scratch.copy_out(id, content, to, name, deadline)?;
        node.links -= 1;
        Ok(())
    }

    /// Adds up the exported size of the guest's directory `id`, each name of a file counted, and the memory of the list
    /// of names, with prefixes of `path` bytes.
    pub(crate) fn measure_dir(&mut self, id: NodeId, path: usize, bytes: &mut u64, deadline: &Deadline) -> Answer<()> {
        deadline.check()?;
        let (mut dirs, mut names) = (Vec::new(), 0);
        for (name, child) in self.dir(id)?.entries() {
            let path = path + 1 + name.len();
            match &self.node(*child).body {
                Body::Link(_) => {}
                Body::Dir(_) => dirs.push((*child, path)),
                Body::File(content) => {
                    *bytes = bytes.saturating_add(size_of(content));
                    names += LISTED * allocation(path);
                }
            }
        }
        self.memory.take(names)?;
        dirs.into_iter().try_for_each(|(dir, path)| self.measure_dir(dir, path, bytes, deadline))
    }
}
