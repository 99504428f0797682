//! Archives on disk: rejected, or equal to the streamed reading without corrupt blocks.
#![no_main]

use std::fs;
use std::path::Path;

use bacalhau_cas::{car::{CarFile, CarReader}, BlockSource, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let dir = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "." }).unwrap();
    let path = dir.path().join("a.car");
    fs::write(&path, data).unwrap();
    let indexes = dir.path().join("indexes");
    let opened = CarFile::open(&path, &indexes);
    // Roots and blocks that the stream gives are also found in the file.
    let stream = CarReader::new("fuzz", data);
    assert!(opened.is_err() || stream.is_ok());
    let (Ok(file), Ok(stream)) = (opened, stream) else { return };
    assert_eq!(file.roots(), stream.roots());
    for root in file.roots() {
        if let Ok(bytes) = file.get(root) {
            check(root, &bytes).unwrap();
        }
    }
    for block in stream.map_while(Result::ok) {
        if let Ok(bytes) = file.get(block.cid()) {
            assert_eq!(bytes, block.bytes());
        }
    }
    // The index that was kept says the same.
    let again = CarFile::open(&path, &indexes).unwrap();
    assert_eq!(again.blocks(), file.blocks());
});
