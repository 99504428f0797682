//! Protobuf messages field by field: decoding and encoding round trip.
#![no_main]

use bacalhau_cas::protobuf::{Fields, Value, put_bytes, put_number};
use bytes::Bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
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
});
