//! Files that a guest wrote where nothing is kept.

use std::collections::BTreeSet;

use bacalhau_tree::{Deadline, Kind};

use super::fault::Answer;
use super::{NodeId, Vfs};

/// How many are listed by name.
const LISTED: usize = 3;
/// The directory for what a program needs only while it runs.
const TEMPORARY: &str = "/tmp";

/// Names of files outside of the outputs and of `/tmp`.
#[derive(Debug, Default)]
pub(crate) struct Unkept {
    pub(crate) count: u64,
    /// Paths of the first of them. Those of a directory are in byte order of the names in it.
    pub(crate) listed: Vec<String>,
}

impl Vfs {
    /// The files that the guest leaves outside of the directories `kept`.
    pub(crate) fn unkept(&self, kept: &[NodeId], deadline: &Deadline) -> Answer<Unkept> {
        let kept: BTreeSet<u64> = kept.iter().map(|id| id.inode()).collect();
        let mut found = Unkept::default();
        self.find_unkept(NodeId::ROOT, "", &kept, &mut found, deadline)?;
        Ok(found)
    }

    fn find_unkept(
        &self,
        id: NodeId,
        path: &str,
        kept: &BTreeSet<u64>,
        found: &mut Unkept,
        deadline: &Deadline,
    ) -> Answer<()> {
        deadline.check()?;
        for (name, child) in self.dir(id)?.entries() {
            // Inputs are not looked into: what was never read would be read now.
            if self.is_read_only(*child) || kept.contains(&child.inode()) || self.null == Some(*child) {
                continue;
            }
            match self.kind(*child) {
                Kind::Link => {}
                Kind::File => {
                    found.count += 1;
                    if found.listed.len() < LISTED {
                        found.listed.push(format!("{path}/{name}"));
                    }
                }
                Kind::Dir => {
                    let below = format!("{path}/{name}");
                    if below != TEMPORARY {
                        self.find_unkept(*child, &below, kept, found, deadline)?;
                    }
                }
            }
        }
        Ok(())
    }
}
