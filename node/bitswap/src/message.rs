//! Messages of Bitswap 1.2.0 (<https://specs.ipfs.tech/bitswap-protocol/>). Blocks are slices of the received message,
//! and are written without copying. Entries with unsupported CIDs are skipped.

use bytes::Bytes;

use bacalhau_cas::{
    Cid, MAX_BLOCK_BYTES,
    protobuf::{Fields, Value, put_bytes, put_number, put_varint},
};

/// Maximum size of a message in bytes, as in kubo and Helia.
pub(super) const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// Maximum wants, blocks and presences in a message, each.
pub(super) const MAX_ENTRIES: usize = 32_768;

const WANTLIST: u64 = 1;
const PAYLOAD: u64 = 3;
const PRESENCE: u64 = 4;

/// A Bitswap message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) wants: Vec<Want>,
    /// Whether `wants` replaces all earlier wants.
    pub(super) full: bool,
    pub(super) blocks: Vec<Payload>,
    pub(super) presences: Vec<Presence>,
}

/// An entry of a wantlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) cid: Cid,
    pub(super) kind: Kind,
    /// Whether to send a `DONT_HAVE` answer.
    pub(super) dont_have: bool,
}

/// Kind of a want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Send the block.
    Block,
    /// Tell whether the block exists.
    Have,
    /// Cancel an earlier want.
    Cancel,
}

/// A block without its CID, which the reader makes out of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) prefix: Bytes,
    pub(super) data: Bytes,
}

/// Whether a block is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presence {
    pub(super) cid: Cid,
    pub(super) have: bool,
}

impl Message {
    /// Decodes a message.
    pub(super) fn decode(bytes: Bytes) -> Result<Self, &'static str> {
        let mut message = Self::default();
        for field in Fields::of(bytes) {
            match field? {
                (WANTLIST, Value::Bytes(list)) => message.read_wantlist(list)?,
                (PAYLOAD, Value::Bytes(payload)) => push(&mut message.blocks, Some(Payload::read(payload)?))?,
                (PRESENCE, Value::Bytes(presence)) => push(&mut message.presences, Presence::read(presence)?)?,
                _ => {}
            }
        }
        Ok(message)
    }

    fn read_wantlist(&mut self, list: Bytes) -> Result<(), &'static str> {
        for field in Fields::of(list) {
            match field? {
                (1, Value::Bytes(want)) => push(&mut self.wants, Want::read(want)?)?,
                (2, Value::Number(full)) => self.full = full != 0,
                _ => {}
            }
        }
        Ok(())
    }

    /// The message behind its length, in pieces that are to be written one after the other.
    pub(super) fn encode(&self) -> Vec<Bytes> {
        let mut head = Vec::new();
        if self.full || !self.wants.is_empty() {
            put_bytes(&mut head, WANTLIST, &self.wantlist());
        }
        for presence in &self.presences {
            put_bytes(&mut head, PRESENCE, &presence.encode());
        }
        let mut pieces = Vec::with_capacity(2 * self.blocks.len() + 2);
        pieces.push(Bytes::from(head));
        for block in &self.blocks {
            pieces.push(block.head());
            pieces.push(block.data.clone());
        }
        let mut length = Vec::new();
        put_varint(&mut length, pieces.iter().map(Bytes::len).sum::<usize>() as u64);
        pieces.insert(0, length.into());
        pieces
    }

    fn wantlist(&self) -> Vec<u8> {
        let mut list = Vec::with_capacity(56 * self.wants.len());
        for want in &self.wants {
            put_bytes(&mut list, 1, &want.encode());
        }
        if self.full {
            put_number(&mut list, 2, 1);
        }
        list
    }

    /// Bytes of its blocks.
    pub(super) fn block_bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.data.len() as u64).sum()
    }
}

fn push<T>(list: &mut Vec<T>, entry: Option<T>) -> Result<(), &'static str> {
    if list.len() >= MAX_ENTRIES {
        return Err("it has too many entries");
    }
    list.extend(entry);
    Ok(())
}

impl Want {
    fn read(entry: Bytes) -> Result<Option<Self>, &'static str> {
        let (mut cid, mut cancel, mut have, mut dont_have) = (None, false, false, false);
        for field in Fields::of(entry) {
            match field? {
                (1, Value::Bytes(bytes)) => cid = Cid::try_from(&bytes[..]).ok(),
                (3, Value::Number(number)) => cancel = number != 0,
                (4, Value::Number(number)) => have = number == 1,
                (5, Value::Number(number)) => dont_have = number != 0,
                _ => {}
            }
        }
        let kind = match (cancel, have) {
            (true, _) => Kind::Cancel,
            (false, true) => Kind::Have,
            (false, false) => Kind::Block,
        };
        Ok(cid.map(|cid| Self { cid, kind, dont_have }))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(52);
        put_bytes(&mut out, 1, &self.cid.to_bytes());
        put_number(&mut out, 2, 1);
        match self.kind {
            Kind::Block => {}
            Kind::Have => put_number(&mut out, 4, 1),
            Kind::Cancel => put_number(&mut out, 3, 1),
        }
        if self.dont_have {
            put_number(&mut out, 5, 1);
        }
        out
    }
}

impl Payload {
    fn read(payload: Bytes) -> Result<Self, &'static str> {
        let (mut prefix, mut data) = (Bytes::new(), Bytes::new());
        for field in Fields::of(payload) {
            match field? {
                (1, Value::Bytes(bytes)) => prefix = bytes,
                (2, Value::Bytes(bytes)) => data = bytes,
                _ => {}
            }
        }
        if data.len() > MAX_BLOCK_BYTES { Err("a block in it is larger than 2 MiB") } else { Ok(Self { prefix, data }) }
    }

    /// All of the field but the data, which are its end.
    fn head(&self) -> Bytes {
        let mut inner = Vec::with_capacity(self.prefix.len() + 16);
        put_bytes(&mut inner, 1, &self.prefix);
        put_varint(&mut inner, 2 << 3 | 2);
        put_varint(&mut inner, self.data.len() as u64);
        let mut out = Vec::with_capacity(inner.len() + 8);
        put_varint(&mut out, PAYLOAD << 3 | 2);
        put_varint(&mut out, (inner.len() + self.data.len()) as u64);
        out.extend_from_slice(&inner);
        out.into()
    }
}

impl Presence {
    fn read(presence: Bytes) -> Result<Option<Self>, &'static str> {
        let (mut cid, mut have) = (None, true);
        for field in Fields::of(presence) {
            match field? {
                (1, Value::Bytes(bytes)) => cid = Cid::try_from(&bytes[..]).ok(),
                (2, Value::Number(number)) => have = number == 0,
                _ => {}
            }
        }
        Ok(cid.map(|cid| Self { cid, have }))
    }

    fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(44);
        put_bytes(&mut out, 1, &self.cid.to_bytes());
        put_number(&mut out, 2, u64::from(!self.have));
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use bacalhau_cas::{Block, Code};

    fn cids() -> impl Strategy<Value = Cid> {
        (any::<u64>(), any::<bool>()).prop_map(|(seed, old)| {
            let text = seed.to_string();
            *(if old { Block::of_v0(text) } else { Block::of(Code::Raw, text) }).cid()
        })
    }

    fn messages() -> impl Strategy<Value = Message> {
        let kinds = prop_oneof![Just(Kind::Block), Just(Kind::Have), Just(Kind::Cancel)];
        let want = (cids(), kinds, any::<bool>()).prop_map(|(cid, kind, dont_have)| Want { cid, kind, dont_have });
        let bytes = || any::<Vec<u8>>().prop_map(Bytes::from);
        let block = (bytes(), bytes()).prop_map(|(prefix, data)| Payload { prefix, data });
        let presence = (cids(), any::<bool>()).prop_map(|(cid, have)| Presence { cid, have });
        let lists = (prop::collection::vec(want, 0..5), prop::collection::vec(block, 0..5));
        let presences = prop::collection::vec(presence, 0..5);
        (lists, presences, any::<bool>()).prop_map(|((wants, blocks), presences, full)| Message {
            wants,
            full,
            blocks,
            presences,
        })
    }

    fn framed(message: &Message) -> Bytes {
        message.encode().concat().into()
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Message::decode(bytes.into());
        }

        #[test]
        fn messages_come_back(message in messages()) {
            let bytes = framed(&message);
            let (length, rest) = unsigned_varint::decode::usize(&bytes).unwrap();
            prop_assert_eq!(length, rest.len());
            prop_assert_eq!(Message::decode(bytes.slice_ref(rest)), Ok(message));
        }
    }

    #[test]
    fn what_another_implementation_writes_is_read() {
        // A wantlist of go-bitswap: block, priority 1, send_dont_have; it writes zeros nowhere.
        let cid = Block::of(Code::Raw, "hello").cid().to_bytes();
        let entry = [&[0x0a, 36][..], &cid, &[0x10, 1, 0x28, 1]].concat();
        let list = [&[0x0a, u8::try_from(entry.len()).unwrap()][..], &entry].concat();
        let bytes = [&[0x0a, u8::try_from(list.len()).unwrap()][..], &list].concat();
        let want = Want { cid: Cid::try_from(cid).unwrap(), kind: Kind::Block, dont_have: true };
        assert_eq!(Message::decode(bytes.into()).unwrap().wants, [want]);
    }

    #[test]
    fn bounds() {
        let data = Bytes::from(vec![0; MAX_BLOCK_BYTES + 1]);
        let large = Message { blocks: vec![Payload { prefix: Bytes::new(), data }], ..Message::default() };
        let bytes = framed(&large);
        assert!(Message::decode(bytes.slice(4..)).unwrap_err().contains("2 MiB"));
        let many = [0x22, 0].repeat(MAX_ENTRIES + 1);
        assert!(Message::decode(many.into()).is_ok(), "entries without a CID are passed over");
        let many = [0x1a, 0].repeat(MAX_ENTRIES + 1);
        assert!(Message::decode(many.into()).unwrap_err().contains("too many"));
    }
}
