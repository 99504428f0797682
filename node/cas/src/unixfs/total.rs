//! Total size of a tree. Sizes in directories' links are not trusted.

use std::collections::HashMap;
use std::sync::Arc;

use bacalhau_tree::{Kind, MAX_PATH_DEPTH};

use super::directory::Directories;
use super::nodes::Nodes;
use super::{Bounds, DagTree};
use crate::{Cid, DataError};

impl DagTree {
    /// Total size of all files and link targets, with duplicates. Reads the first block of each, but each directory and
    /// file only once.
    ///
    /// # Errors
    /// When a block is unavailable or malformed, or a limit in `bounds` is exceeded; its depth counts directories.
    pub fn total_bytes(&self, bounds: &Bounds) -> Result<u64, DataError> {
        if let Some(size) = self.size() {
            return Ok(size);
        }
        let (nodes, directories) = self.parts();
        let what = format!("the tree {}", self.cid());
        Total { nodes, directories, bounds, what, known: HashMap::new() }.of(self.cid(), 0)
    }
}

struct Total<'a> {
    nodes: &'a Arc<Nodes>,
    directories: &'a Directories,
    bounds: &'a Bounds,
    what: String,
    known: HashMap<Cid, u64>,
}

impl Total<'_> {
    /// Bytes below the directory or link `cid`. It calls itself no deeper than a path may be.
    fn of(&mut self, cid: &Cid, depth: usize) -> Result<u64, DataError> {
        let Some(directory) = self.directories.get(cid)? else { return Ok(self.nodes.get(cid)?.stat().size) };
        let fresh = directory.entries().iter().map(|(_, cid)| *cid).filter(|cid| !self.known.contains_key(cid));
        let fresh: Vec<_> = fresh.collect();
        let mut below = Vec::new();
        for (cid, node) in fresh.iter().zip(self.nodes.each(&fresh)) {
            let stat = node?.stat();
            if stat.kind == Kind::Dir {
                below.push(*cid);
            } else {
                self.known.insert(*cid, stat.size);
            }
            self.check(0, depth)?;
        }
        for cid in below {
            if !self.known.contains_key(&cid) {
                let total = self.of(&cid, depth + 1)?;
                self.known.insert(cid, total);
            }
        }
        let sizes = directory.entries().iter().filter_map(|(_, cid)| self.known.get(cid));
        let total = sizes.fold(0, |sum: u64, size| sum.saturating_add(*size));
        self.check(total, depth)?;
        Ok(total)
    }

    fn check(&self, total: u64, depth: usize) -> Result<(), DataError> {
        // An overflow is above every limit.
        let max_bytes = self.bounds.max_bytes.min(u64::MAX - 1);
        let max_depth = self.bounds.max_depth.min(usize::try_from(MAX_PATH_DEPTH).unwrap_or(usize::MAX));
        let bounds = Bounds { max_bytes, max_depth, ..*self.bounds };
        bounds.check(&self.what, self.known.len(), total, depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unixfs::samples::{Samples, words};

    #[test]
    fn everything_is_counted_as_often_as_it_is_there() {
        let samples = Samples::new();
        let big = samples.balanced(&[7; 100], 9, 3);
        let sub = samples.dir(&[("big", big), ("raw", samples.raw("12345")), ("link", samples.link("raw"))]);
        let root = samples.dir(&[("a", sub), ("b", sub), ("c", big)]);
        let total = |cid| samples.tree(&cid).total_bytes(&Bounds::default()).unwrap();
        assert_eq!([big, sub, root].map(total), [100, 108, 316]);
    }

    #[test]
    fn bombs_are_counted_or_refused_at_the_cost_of_their_blocks() {
        let samples = Samples::new();
        let mut cid = samples.raw("bomb");
        for level in 1..10 {
            let entries: Vec<_> = (0..1000).map(|number| (number.to_string(), cid)).collect();
            cid = samples.dir(&entries);
            let total = samples.tree(&cid).total_bytes(&Bounds { max_bytes: u64::MAX, ..Bounds::default() });
            match total {
                Ok(total) => assert!(level <= 6 && total == 4 * 1000_u64.pow(level)),
                Err(error) => assert!(level > 6 && error.to_string().contains("more than 18446744073709551614 bytes")),
            }
        }
        assert!(words(samples.tree(&cid).total_bytes(&Bounds::default())).contains("more than 1099511627776 bytes"));
        let few = Bounds { max_blocks: 5, ..Bounds::default() };
        let wide = samples.dir(&(0..10).map(|n| (n.to_string(), samples.raw(n.to_string()))).collect::<Vec<_>>());
        assert!(words(samples.tree(&wide).total_bytes(&few)).contains("more than 5 blocks"));
        let mut deep = samples.raw("x");
        for _ in 0..400 {
            deep = samples.dir(&[("d", deep)]);
        }
        assert!(words(samples.tree(&deep).total_bytes(&Bounds::default())).contains("depth exceeds 256"));
    }
}
