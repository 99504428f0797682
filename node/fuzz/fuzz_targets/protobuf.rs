//! A message of any kind: what is read is written, and read again as it is.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bacalhau::fuzzing::protobuf(data));
