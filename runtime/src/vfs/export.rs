//! Moves the outputs into the results directory. Symbolic links never leave the sandbox, and nothing is followed.

use cap_std::fs::Dir as HostDir;

use super::Vfs;
use super::fault::Answer;
use super::node::{Body, NodeId};
use crate::deadline::Deadline;
use crate::error::HostFailure;
use crate::input::Kind;

impl Vfs {
    /// Fills the empty directory `to` with what is in the guest's directory `id`, and counts the links that stay behind.
    /// The run is over: files are moved.
    pub(crate) fn export_dir(
        &mut self,
        id: NodeId,
        to: &HostDir,
        links_dropped: &mut u64,
        deadline: &Deadline,
    ) -> Answer<()> {
        for (name, child, kind) in self.list(id)?.into_iter().skip(2) {
            deadline.check()?;
            match kind {
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
        let Some(node) = &nodes[id.index()] else { return Ok(()) };
        let Body::File(content) = &node.body else { return Ok(()) };
        if node.links < 2 {
            return Ok(scratch.move_out(id, content, to, name)?);
        }
        // Under several names each gets its own copy, so that nobody edits two files at once.
        Ok(scratch.copy_out(id, content, to, name, deadline)?)
    }
}
