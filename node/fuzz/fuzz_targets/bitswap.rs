//! Bitswap messages: decoding and encoding round trip.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bacalhau_bitswap::read_and_write(bytes::Bytes::copy_from_slice(data)));
