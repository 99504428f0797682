//! Protobuf nodes: named links and bytes (<https://ipld.io/specs/codecs/dag-pb/spec/>). `unixfs` interprets the bytes.

use bytes::Bytes;

use super::protobuf::{Fields, Value, put_bytes, put_number};
use super::{Cid, DataError};

const LINKS: u64 = 2;
const DATA: u64 = 1;
const HASH: u64 = 1;
const NAME: u64 = 2;
const TSIZE: u64 = 3;

/// A protobuf node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// In the order of the block. Writers sort them by name where the names matter.
    pub links: Vec<Link>,
    /// `None` and empty are two different blocks.
    pub data: Option<Bytes>,
}

/// A link of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// CID of the block.
    pub cid: Cid,
    /// Its name; empty in files. Not UTF-8 by right, which readers of directories check.
    pub name: Bytes,
    /// Total size of the blocks below in bytes, as written by the author: an untrusted hint.
    pub total_size: u64,
}

impl Node {
    /// Decodes the block of `cid`.
    ///
    /// # Errors
    /// [`DataError::Unusable`] when it is not a valid node.
    pub fn decode(cid: &Cid, block: Bytes) -> Result<Self, DataError> {
        Self::parse(block).map_err(|why| DataError::unusable(format!("block {cid}"), why))
    }

    fn parse(block: Bytes) -> Result<Self, &'static str> {
        let mut node = Self::default();
        for field in Fields::of(block) {
            match field? {
                (LINKS, Value::Bytes(link)) => node.links.push(Link::parse(link)?),
                (DATA, Value::Bytes(data)) if node.data.is_none() => node.data = Some(data),
                (DATA, Value::Bytes(_)) => return Err("it has data twice"),
                _ => return Err("it has a field that nodes do not have"),
            }
        }
        Ok(node)
    }

    /// The canonical block: links before data.
    pub fn encode(&self) -> Vec<u8> {
        let data_len = self.data.as_ref().map_or(0, Bytes::len);
        let mut out = Vec::with_capacity(data_len + 64 * self.links.len() + 16);
        let mut link_out = Vec::with_capacity(64);
        for link in &self.links {
            link_out.clear();
            link.put(&mut link_out);
            put_bytes(&mut out, LINKS, &link_out);
        }
        if let Some(data) = &self.data {
            put_bytes(&mut out, DATA, data);
        }
        out
    }
}

impl Link {
    fn parse(message: Bytes) -> Result<Self, &'static str> {
        let (mut cid, mut name, mut total_size) = (None, Bytes::new(), 0);
        for field in Fields::of(message) {
            match field? {
                (HASH, Value::Bytes(bytes)) => {
                    cid = Some(Cid::try_from(&bytes[..]).map_err(|_| "a link is not a CID")?);
                }
                (NAME, Value::Bytes(bytes)) => name = bytes,
                (TSIZE, Value::Number(number)) => total_size = number,
                _ => return Err("a link has a field that links do not have"),
            }
        }
        Ok(Self { cid: cid.ok_or("a link names no block")?, name, total_size })
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(out, HASH, &self.cid.to_bytes());
        put_bytes(out, NAME, &self.name);
        put_number(out, TSIZE, self.total_size);
    }
}

/// The CIDs that the node `block` of `cid` links to, in its order.
pub(super) fn links(cid: &Cid, block: &Bytes) -> Result<Vec<Cid>, DataError> {
    Ok(Node::decode(cid, block.clone())?.links.into_iter().map(|link| link.cid).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Block, Code};
    use super::*;

    fn link(name: &str, size: u64) -> Link {
        Link { cid: *Block::of(Code::Raw, name.to_owned()).cid(), name: name.to_owned().into(), total_size: size }
    }

    #[test]
    fn an_empty_node_is_no_bytes() {
        assert_eq!(Node::default().encode(), b"");
        assert_eq!(Node::parse(Bytes::new()), Ok(Node::default()));
        // `ipfs object new unixfs-dir`
        let dir = Block::of_v0(Node { links: vec![], data: Some(Bytes::from_static(b"\x08\x01")) }.encode());
        assert_eq!(dir.cid().to_string(), "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
    }

    #[test]
    fn what_is_no_node_is_said() {
        let table: [(&[u8], &str); 5] = [
            (b"\x0a\x00\x0a\x00", "data twice"),
            (b"\x1a\x00", "field that nodes do not have"),
            (b"\x12\x00", "names no block"),
            (b"\x12\x03\x0a\x01\x01", "is not a CID"),
            (b"\x12\x02\x20\x01", "field that links do not have"),
        ];
        for (bytes, why) in table {
            assert!(Node::parse(Bytes::copy_from_slice(bytes)).unwrap_err().contains(why), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Node::parse(bytes.into());
        }

        #[test]
        fn nodes_come_back(names: Vec<(String, u64)>, data: Option<Vec<u8>>) {
            let links = names.iter().map(|(name, size)| link(name, *size)).collect();
            let node = Node { links, data: data.map(Bytes::from) };
            prop_assert_eq!(Node::parse(node.encode().into()), Ok(node));
        }
    }
}
