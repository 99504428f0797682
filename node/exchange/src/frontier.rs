//! Which blocks of a DAG are still to come, as its blocks arrive: what was asked for is told from what was not, and
//! a DAG that was cut short from a whole one. Nothing is fetched here.

use std::collections::BTreeSet;

use bacalhau_cas::dag_pb::Node;
use bacalhau_cas::unixfs::{Meta, MetaKind, Scope};
use bacalhau_cas::{Block, Cid, Code, DataError, canonical, identity_bytes};

/// Most blocks that are known and not here yet. A DAG in depth-first order has few of them.
const MAX_OPEN: usize = 1 << 20;

/// What a block is to the DAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It was to come.
    New,
    /// It came before.
    Again,
    /// Nobody asked for it.
    Foreign,
}

/// The blocks to come and those that came, by their canonical CIDs.
#[derive(Debug)]
pub(super) struct Frontier {
    scope: Scope,
    open: BTreeSet<Cid>,
    seen: BTreeSet<Cid>,
}

impl Frontier {
    /// Nothing here yet of what is below `root`.
    pub(super) fn new(root: &Cid, scope: Scope) -> Result<Self, DataError> {
        let mut frontier = Self { scope, open: BTreeSet::new(), seen: BTreeSet::new() };
        frontier.expect(*root)?;
        Ok(frontier)
    }

    /// Takes a checked block.
    pub(super) fn take(&mut self, block: &Block) -> Result<Place, DataError> {
        let cid = canonical(block.cid());
        if !self.open.remove(&cid) {
            return Ok(if self.seen.contains(&cid) { Place::Again } else { Place::Foreign });
        }
        self.seen.insert(cid);
        for link in links(&cid, block, self.scope)? {
            self.expect(link)?;
        }
        Ok(Place::New)
    }

    /// What is to come; empty when all is here.
    pub(super) fn open(&self) -> impl Iterator<Item = &Cid> {
        self.open.iter()
    }

    /// What stands in its CID is here at once, and so are its links.
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

/// How long the names are under which more of the same entity is linked: none for files, where all links are; what
/// nobody has for directories, where no link is.
fn shard_width(cid: &Cid, node: &Node) -> Result<Option<usize>, DataError> {
    let malformed = |why: &str| DataError::malformed(format!("block {cid}"), why);
    let Some(data) = &node.data else { return Err(malformed("it is no part of a file or directory")) };
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
        assert_eq!(frontier.take(&file).unwrap(), Place::Foreign);
        for (block, place, open) in [
            (&dir, Place::New, 2),
            (&file, Place::New, 2),
            (&file, Place::Again, 2),
            (&b, Place::New, 1),
            (&a, Place::New, 0),
        ] {
            assert_eq!(frontier.take(block).unwrap(), place);
            assert_eq!(frontier.open().count(), open);
        }
        assert_eq!(frontier.take(&raw("c")).unwrap(), Place::Foreign);
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
