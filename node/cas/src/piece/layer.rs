//! One layer of the tree of a piece: the node above each MiB. It is enough to check a part of the piece without reading
//! the rest, and small enough to be kept: 2 MiB for a piece of 64 GiB.

use std::io::{self, Read};

use super::tree::{Node, QUAD_LEVEL, ZEROS, above};
use super::writer::SUBTREE_LEVEL;
use super::{Commitment, PieceWriter};
use crate::DataError;
use crate::piece::fr32::QUAD_BYTES;

/// The first bytes of an encoded layer.
const MAGIC: [u8; 8] = *b"piece-1\n";
/// Maximum number of nodes: those of 2 TiB, of which an encoded layer takes 64 MiB.
const MAX_NODES: u64 = 1 << 21;

/// The nodes of one level of a piece's tree, without those that stand above zeros only at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    level: u8,
    height: u8,
    nodes: Vec<Node>,
}

impl Layer {
    /// Maximum length of an encoded layer in bytes.
    pub const MAX_BYTES: u64 = MAGIC.len() as u64 + MAX_NODES * size_of::<Node>() as u64;

    /// The layer of a tree of `height` with these nodes.
    pub(super) fn of(mut nodes: Vec<Node>, height: u8) -> Self {
        let level = height.min(SUBTREE_LEVEL);
        while nodes.last() == Some(&ZEROS[usize::from(level)]) {
            nodes.pop();
        }
        Self { level, height, nodes }
    }

    /// Reads `source`, called `name` in messages, and computes the layer of `piece`. Bytes behind the payload are
    /// not read; zeros take the place of missing ones.
    ///
    /// # Errors
    /// When it cannot be read, or has more than 2 TiB.
    pub fn read(name: &str, source: impl Read, piece: &Commitment) -> Result<Self, DataError> {
        let most = MAX_NODES << (SUBTREE_LEVEL + 5);
        let layer = PieceWriter::new(io::sink()).read_layer(
            name,
            source.take(piece.payload_size().min(most)),
            piece.height(),
        )?;
        if layer.nodes.len() as u64 >= MAX_NODES {
            return Err(DataError::out_of_bounds(name, "pieces of at most 2 TiB are read"));
        }
        Ok(layer)
    }

    /// The root of the whole tree.
    pub fn root(&self) -> Node {
        fold(&self.nodes, self.level, self.height)
    }

    /// Whether this is the layer of `piece`.
    pub fn is_of(&self, piece: &Commitment) -> bool {
        self.height == piece.height() && self.root() == *piece.root()
    }

    /// Bytes of payload below one node.
    pub fn part_bytes(&self) -> u64 {
        (QUAD_BYTES as u64) << (self.level - QUAD_LEVEL)
    }

    /// The node above part `number`; `None` where it is above zeros only.
    pub(super) fn node(&self, number: u64) -> Option<&Node> {
        let node = self.nodes.get(usize::try_from(number).ok()?)?;
        (*node != ZEROS[usize::from(self.level)]).then_some(node)
    }

    /// The level of the nodes.
    pub(super) fn level(&self) -> u8 {
        self.level
    }

    /// The node at `level`, from that of the layer up, above the payload that begins with part `first`.
    pub(super) fn above(&self, first: u64, level: u8) -> Node {
        let first = usize::try_from(first).unwrap_or(usize::MAX).min(self.nodes.len());
        let count = 1_usize.checked_shl((level - self.level).into()).unwrap_or(usize::MAX);
        let end = first.saturating_add(count).min(self.nodes.len());
        fold(&self.nodes[first..end], self.level, level)
    }

    /// The number of the first part in which `other`, a layer of the same piece, differs.
    pub fn first_difference(&self, other: &Self) -> Option<u64> {
        let most = self.nodes.len().max(other.nodes.len()) as u64;
        (0..most).find(|number| self.node(*number) != other.node(*number))
    }

    /// As it is kept on disk.
    pub fn encode(&self) -> Vec<u8> {
        [&MAGIC, self.nodes.as_flattened()].concat()
    }

    /// The layer of `piece` from bytes that [`encode`](Self::encode) made; `None` if it is that of another one, or damaged.
    pub fn decode(bytes: &[u8], piece: &Commitment) -> Option<Self> {
        let (nodes, rest) = bytes.strip_prefix(&MAGIC)?.as_chunks();
        let layer = Self::of(nodes.to_vec(), piece.height());
        (rest.is_empty() && layer.is_of(piece)).then_some(layer)
    }
}

/// The node at level `to` above `nodes` of level `from`, and zeros behind them. With more nodes than there is room for, a
/// node that no piece has.
fn fold(nodes: &[Node], from: u8, to: u8) -> Node {
    let mut nodes = nodes.to_vec();
    for level in from..to {
        let zeros = &ZEROS[usize::from(level)];
        nodes = nodes.chunks(2).map(|pair| above(&pair[0], pair.get(1).unwrap_or(zeros))).collect();
    }
    match nodes[..] {
        [] => ZEROS[usize::from(to)],
        [node] => node,
        _ => [0xff; 32],
    }
}
