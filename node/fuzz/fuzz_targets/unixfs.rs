//! UnixFS messages: decoding and encoding round trip.
#![no_main]

use bacalhau_cas::unixfs::Meta;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(meta) = Meta::decode(Bytes::copy_from_slice(data)) {
        assert_eq!(Meta::decode(meta.encode().into()).unwrap(), meta);
    }
});
