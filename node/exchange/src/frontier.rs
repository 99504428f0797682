//! Tracks the blocks of a DAG as they arrive: which are missing, and which were not requested. Does not fetch.

use std::collections::BTreeSet;

use bacalhau_cas::{
    Block, Cid, Code, DataError, canonical,
    dag_pb::Node,
    identity_bytes,
    unixfs::{Meta, MetaKind, Scope},
};

/// Maximum known missing blocks. A DAG in depth-first order has few.
const MAX_OPEN: usize = 1 << 20;

/// Relation of a block to the DAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    /// It was to come.
    New,
    /// A duplicate.
    Again,
    /// Not requested.
    Foreign,
}

/// Missing and received blocks, by canonical CID.
#[derive(Debug)]
pub(super) struct Frontier {
    scope: Scope,
    open: BTreeSet<Cid>,
    seen: BTreeSet<Cid>,
}

impl Frontier {
    /// The frontier of `root` without any blocks.
    pub(super) fn new(root: &Cid, scope: Scope) -> Result<Self, DataError> {
        let mut frontier = Self { scope, open: BTreeSet::new(), seen: BTreeSet::new() };
        frontier.expect(*root)?;
        Ok(frontier)
    }

    /// Takes a checked block.
    pub(super) fn take(&mut self, block: &Block) -> Result<Membership, DataError> {
        let cid = canonical(block.cid());
        if !self.open.remove(&cid) {
            return Ok(if self.seen.contains(&cid) { Membership::Again } else { Membership::Foreign });
        }
        self.seen.insert(cid);
        for link in links(&cid, block, self.scope)? {
            self.expect(link)?;
        }
        Ok(Membership::New)
    }

    /// The missing blocks; empty when complete.
    pub(super) fn open(&self) -> impl Iterator<Item = &Cid> {
        self.open.iter()
    }

    /// An identity CID counts as received, with its links.
    fn expect(&mut self, cid: Cid) -> Result<(), DataError> {
        let mut pending = vec![cid];
        while let Some(cid) = pending.pop() {
            let cid = canonical(&cid);
            if self.seen.contains(&cid) || self.open.contains(&cid) {
                continue;
            }
            if let Some(bytes) = identity_bytes(&cid) {
                self.seen.insert(cid);
                pending.extend(links(&cid, &Block::new(cid, bytes)?, self.scope)?);
            } else if self.open.len() >= MAX_OPEN {
                return Err(DataError::out_of_bounds(
                    "a DAG",
                    format!("more than {MAX_OPEN} of its blocks are to come"),
                ));
            } else {
                self.open.insert(cid);
            }
        }
        Ok(())
    }
}

fn links(cid: &Cid, block: &Block, scope: Scope) -> Result<Vec<Cid>, DataError> {
    match scope {
        Scope::Block => return Ok(Vec::new()),
        Scope::All => return bacalhau_cas::links(cid, block.bytes()),
        Scope::Entity if Code::of(cid)? == Code::Raw => return Ok(Vec::new()),
        Scope::Entity => {}
    }
    let node = Node::decode(cid, block.bytes().clone())?;
    let width = shard_width(cid, &node)?;
    let is_shard = |name: &[u8]| width.is_none_or(|width| name.len() == width);
    Ok(node.links.into_iter().filter(|link| is_shard(&link.name)).map(|link| link.cid).collect())
}

/// Length of link names that stay within the entity: 0 for files, all of whose links do; longer than any name for
/// directories, none of whose links do.
fn shard_width(cid: &Cid, node: &Node) -> Result<Option<usize>, DataError> {
    let malformed = |why: &str| DataError::malformed(format!("block {cid}"), why);
    let Some(data) = &node.data else { return Err(malformed("it is not a part of a file or directory")) };
    let meta = Meta::decode(data.clone()).map_err(malformed)?;
    Ok(match meta.kind {
        MetaKind::File | MetaKind::Raw => None,
        MetaKind::HamtShard => Some(format!("{:X}", meta.fanout.unwrap_or(0).saturating_sub(1)).len()),
        _ => Some(usize::MAX),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use bacalhau_cas::dag_pb::Link;

    fn raw(text: &'static str) -> Block {
        Block::of(Code::Raw, text)
    }

    fn node(kind: MetaKind, links: &[(&'static str, &Block)]) -> Block {
        let link = |(name, block): &(&'static str, &Block)| Link {
            cid: *block.cid(),
            name: Bytes::from_static(name.as_bytes()),
            total_size: 0,
        };
        let meta = Meta { fanout: Some(256), ..Meta::of(kind) };
        let node = Node { links: links.iter().map(link).collect(), data: Some(meta.encode().into()) };
        Block::of(Code::DagPb, node.encode())
    }

    #[test]
    fn blocks_open_the_way_to_those_below() {
        let (a, b) = (raw("a"), raw("b"));
        let file = node(MetaKind::File, &[("", &a), ("", &b), ("", &a)]);
        let dir = node(MetaKind::Directory, &[("ab", &file), ("b", &b)]);
        let mut frontier = Frontier::new(dir.cid(), Scope::All).unwrap();
        assert_eq!(frontier.take(&file).unwrap(), Membership::Foreign);
        for (block, place, open) in [
            (&dir, Membership::New, 2),
            (&file, Membership::New, 2),
            (&file, Membership::Again, 2),
            (&b, Membership::New, 1),
            (&a, Membership::New, 0),
        ] {
            assert_eq!(frontier.take(block).unwrap(), place);
            assert_eq!(frontier.open().count(), open);
        }
        assert_eq!(frontier.take(&raw("c")).unwrap(), Membership::Foreign);
    }

    #[test]
    fn the_scope_says_how_far() {
        let (a, b) = (raw("a"), raw("b"));
        let file = node(MetaKind::File, &[("", &a), ("", &b)]);
        let shard = node(MetaKind::HamtShard, &[("00name", &file), ("0F", &a)]);
        let dir = node(MetaKind::Directory, &[("ab", &file)]);
        let table = [
            (&file, Scope::Block, 0),
            (&file, Scope::Entity, 2),
            (&dir, Scope::Entity, 0),
            (&dir, Scope::All, 1),
            (&shard, Scope::Entity, 1),
            (&shard, Scope::All, 2),
        ];
        for (root, scope, open) in table {
            let mut frontier = Frontier::new(root.cid(), scope).unwrap();
            frontier.take(root).unwrap();
            assert_eq!(frontier.open().count(), open, "{scope:?}");
        }
    }

    #[test]
    fn what_stands_in_a_cid_is_here() {
        let inline = Cid::new_v1(0x55, multihash::Multihash::wrap(0, b"small").unwrap());
        assert_eq!(Frontier::new(&inline, Scope::All).unwrap().open().count(), 0);
    }
}
