//! A job that touches one file of a large tree fetches that file.

use std::fs;

use crate::gateway::Gateway;
use bacalhau_testkit::{Lab, pattern};

const FILES: u32 = 40;
const BYTES: u32 = 300_000;

/// Forty files of two blocks each, under four directories, in the store `maker`.
fn lab() -> (Lab, String) {
    let lab = Lab::new();
    for number in 0..FILES {
        lab.write(&format!("tree/{}/{number:02}.bin", number % 4), pattern(BYTES, number));
    }
    let cid = lab.add("tree", "--data-dir maker");
    (lab, cid)
}

/// Blocks and bytes in the store that was fetched into.
fn kept(lab: &Lab) -> (u64, u64) {
    let stat = lab.expect_json(0, "ipfs stat --output json");
    (stat["blocks"].as_u64().unwrap(), stat["bytes"].as_u64().unwrap())
}

#[test]
fn one_file_of_many_is_one_file_fetched() {
    let (lab, cid) = lab();
    let serving = lab.serve_blocks("maker", "");
    let from = format!("--ipfs-connect {}", serving.peer);
    lab.expect(0, &format!("ipfs ls {cid} {from}"));
    let (listed, _) = kept(&lab);
    let line = |flags: &str| format!("wasm run cat.wat -c 1 -i {cid}:/in {flags} --output-dir out {from}");
    lab.expect(0, &line("--stdin /in/3/07.bin"));
    assert!(fs::read(lab.path("out/results/stdout")).unwrap() == pattern(BYTES, 7));
    let (blocks, bytes) = kept(&lab);
    assert!((blocks, listed) <= (1 + 4 + 3 + 10, 5), "{listed} then {blocks} blocks");
    assert!(bytes < u64::from(BYTES) + 20_000, "{bytes} bytes for one file");
    lab.expect(0, &line("--ipfs-fetch eager"));
    let (blocks, bytes) = kept(&lab);
    assert!(blocks >= u64::from(3 * FILES) && bytes > u64::from(FILES * BYTES), "all of it: {blocks}, {bytes}");
}

#[test]
fn a_gateway_is_asked_for_what_is_read() {
    let (lab, cid) = lab();
    lab.expect(0, &format!("ipfs export {cid} -o tree.car --data-dir maker"));
    let gateway = Gateway::start(&lab.path("tree.car"));
    let from = format!("--ipfs-connect {}", gateway.url(""));
    lab.expect(0, &format!("wasm run cat.wat -c 1 -i {cid}/1/05.bin:/in --stdin /in --output-dir out {from}"));
    assert!(fs::read(lab.path("out/results/stdout")).unwrap() == pattern(BYTES, 5));
    assert!(gateway.asked().len() <= 5, "{:?}", gateway.asked());
    assert!(kept(&lab).1 < u64::from(BYTES) + 20_000);
}
