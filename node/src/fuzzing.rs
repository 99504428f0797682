//! A way in for the fuzz targets (`node/fuzz`) to what is nobody else's business. It exists only where they are built.

use bytes::Bytes;

use crate::bitswap;
use crate::cas::protobuf::{Fields, Value, put_bytes, put_number};

/// Reads `data` as a message of Bitswap, which is then written and read again as it is.
///
/// # Panics
/// When it is not.
pub fn bitswap(data: &[u8]) {
    bitswap::read_and_write(Bytes::copy_from_slice(data));
}

/// Reads `data` field by field, which are then written and read again as they are.
///
/// # Panics
/// When they are not.
pub fn protobuf(data: &[u8]) {
    let read: Vec<_> = Fields::of(Bytes::copy_from_slice(data)).map_while(Result::ok).collect();
    let kept = |(_, value): &&(u64, Value)| *value != Value::Fixed;
    let mut out = Vec::new();
    for (field, value) in read.iter().filter(kept) {
        match value {
            Value::Number(number) => put_number(&mut out, *field, *number),
            Value::Bytes(bytes) => put_bytes(&mut out, *field, bytes),
            Value::Fixed => {}
        }
    }
    assert!(Fields::of(out.into()).map_while(Result::ok).eq(read.iter().filter(kept).cloned()));
}
