//! Streamed archives: every block matches its CID, and a rewritten archive reads the same.
#![no_main]

use bacalhau_cas::{car::{CarReader, CarWriter}, Block, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(reader) = CarReader::new("fuzz", data) else { return };
    let roots = reader.roots().to_vec();
    let blocks: Vec<Block> = reader.map_while(Result::ok).collect();
    let mut writer = CarWriter::new(Vec::new(), &roots).unwrap();
    for block in &blocks {
        check(block.cid(), block.bytes()).unwrap();
        writer.write(block).unwrap();
    }
    let written = writer.finish().unwrap();
    let again = CarReader::new("again", &written[..]).unwrap();
    assert_eq!(again.roots(), roots);
    assert_eq!(again.collect::<Result<Vec<_>, _>>().unwrap(), blocks);
});
