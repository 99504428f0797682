//! The UnixFS protobuf message in the data of a dag-pb node. Modes and times are ignored: guests cannot see them, and
//! no profile writes them.

use bytes::Bytes;

use crate::protobuf::{Fields, Value, put_bytes, put_number};

const KIND: u64 = 1;
const DATA: u64 = 2;
const FILE_SIZE: u64 = 3;
const BLOCK_SIZES: u64 = 4;
const HASH: u64 = 5;
const FANOUT: u64 = 6;
const MODE: u64 = 7;
const MTIME: u64 = 8;

/// A UnixFS message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Kind of the node.
    pub kind: MetaKind,
    /// Inline file data, target of a link, or bitfield of a shard.
    pub data: Option<Bytes>,
    /// Length of the file below this node.
    pub file_size: Option<u64>,
    /// Length of the file below each link of the node, in their order.
    pub block_sizes: Vec<u64>,
    /// Hash function of a shard, as multicodec.
    pub hash: Option<u64>,
    /// Slots of a shard.
    pub fanout: Option<u64>,
}

/// The kinds of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum MetaKind {
    /// Bytes of a file; older importers wrote leaves so.
    Raw = 0,
    /// A directory with entries as links.
    Directory = 1,
    /// A file, or a part of one.
    File = 2,
    /// Unused.
    Metadata = 3,
    /// A symbolic link.
    Symlink = 4,
    /// A shard of a directory.
    HamtShard = 5,
}

impl Meta {
    /// A message with only a kind.
    pub fn of(kind: MetaKind) -> Self {
        Self { kind, data: None, file_size: None, block_sizes: Vec::new(), hash: None, fanout: None }
    }

    /// Decodes the data of a node.
    ///
    /// # Errors
    /// Why it is not a UnixFS message.
    pub fn decode(message: Bytes) -> Result<Self, &'static str> {
        let mut kind = None;
        let mut meta = Self::of(MetaKind::Raw);
        for field in Fields::of(message) {
            match field? {
                (KIND, Value::Number(number)) => kind = Some(MetaKind::of(number)?),
                (DATA, Value::Bytes(bytes)) => meta.data = Some(bytes),
                (FILE_SIZE, Value::Number(number)) => meta.file_size = Some(number),
                (BLOCK_SIZES, Value::Number(number)) => meta.block_sizes.push(number),
                (BLOCK_SIZES, Value::Bytes(packed)) => meta.block_sizes.extend(packed_numbers(&packed)?),
                (HASH, Value::Number(number)) => meta.hash = Some(number),
                (FANOUT, Value::Number(number)) => meta.fanout = Some(number),
                (MODE | MTIME, _) => {}
                _ => return Err("it has a field that UnixFS does not have"),
            }
        }
        meta.kind = kind.ok_or("it has no kind")?;
        Ok(meta)
    }

    /// The message as every importer writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.data.as_ref().map_or(0, Bytes::len) + 10 * self.block_sizes.len() + 32);
        put_number(&mut out, KIND, self.kind as u64);
        if let Some(data) = &self.data {
            put_bytes(&mut out, DATA, data);
        }
        let numbers = self.block_sizes.iter().map(|size| (BLOCK_SIZES, *size));
        let numbers = self.file_size.map(|size| (FILE_SIZE, size)).into_iter().chain(numbers);
        let numbers = numbers.chain(self.hash.map(|hash| (HASH, hash)));
        for (field, number) in numbers.chain(self.fanout.map(|fanout| (FANOUT, fanout))) {
            put_number(&mut out, field, number);
        }
        out
    }
}

impl MetaKind {
    fn of(number: u64) -> Result<Self, &'static str> {
        Ok(match number {
            0 => Self::Raw,
            1 => Self::Directory,
            2 => Self::File,
            3 => Self::Metadata,
            4 => Self::Symlink,
            5 => Self::HamtShard,
            _ => return Err("it is of an unknown kind"),
        })
    }
}

fn packed_numbers(mut packed: &[u8]) -> Result<Vec<u64>, &'static str> {
    let mut numbers = Vec::new();
    while !packed.is_empty() {
        let (number, rest) = unsigned_varint::decode::u64(packed).map_err(|_| "a size is not a number")?;
        numbers.push(number);
        packed = rest;
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_makes_no_sense_is_said() {
        let table: [(&[u8], &str); 4] = [
            (b"", "it has no kind"),
            (b"\x08\x06", "unknown kind"),
            (b"\x08\x02\x4a\x00", "field that UnixFS does not have"),
            (b"\x08\x02\x22\x01\xff", "a size is not a number"),
        ];
        for (bytes, why) in table {
            assert!(Meta::decode(Bytes::copy_from_slice(bytes)).unwrap_err().contains(why), "{bytes:?}");
        }
    }

    #[test]
    fn modes_and_times_are_read_over_and_packed_sizes_read() {
        let meta = Meta::decode(Bytes::from_static(b"\x08\x02\x22\x02\x05\x07\x38\xa4\x03\x42\x02\x08\x01")).unwrap();
        assert_eq!(meta, Meta { block_sizes: vec![5, 7], ..Meta::of(MetaKind::File) });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Meta::decode(bytes.into());
        }

        #[test]
        fn messages_come_back(
            kind in 0_u64..6, data: Option<Vec<u8>>, file_size: Option<u64>, block_sizes: Vec<u64>, hash: Option<u64>,
            fanout: Option<u64>,
        ) {
            let kind = MetaKind::of(kind).unwrap();
            let meta = Meta { kind, data: data.map(Bytes::from), file_size, block_sizes, hash, fanout };
            prop_assert_eq!(Meta::decode(meta.encode().into()), Ok(meta));
        }
    }
}
