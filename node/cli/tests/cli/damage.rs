//! A block store on a disk that changes bytes: what is damaged counts as missing, is said, and is fetched or written again.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use bacalhau_testkit::{Lab, pattern};

/// Bytes in the middle of the file of several blocks that every lab has.
fn of_the_file() -> Vec<u8> {
    pattern(600_000, 1)[300_000..300_040].to_vec()
}

/// Names in the directory of the tree: its root has them.
const OF_THE_ROOT: &[u8] = b"\x12\x05a.txt";

/// All packs of the data directory `dir`.
fn packs(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(packs(&path));
        } else if path.extension().is_some_and(|extension| extension == "car") {
            found.push(path);
        }
    }
    found
}

/// Flips a bit of `bytes` where they stand in the store at `dir`. The file looks as it did.
fn flip(lab: &Lab, dir: &str, bytes: &[u8]) {
    for path in packs(&lab.path(dir)) {
        let content = fs::read(&path).unwrap();
        let Some(at) = content.windows(bytes.len()).position(|window| window == bytes) else { continue };
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[content[at] ^ 1], at as u64).unwrap();
        return file.set_modified(modified).unwrap();
    }
    panic!("the bytes are in no pack of {dir}");
}

fn stat(lab: &Lab) -> Value {
    lab.expect_json(0, "ipfs stat --output json")
}

fn verify(lab: &Lab, code: i32) -> Value {
    lab.expect_json(code, "ipfs verify --output json")
}

/// A lab with the tree pinned, and damaged at `bytes`.
fn damaged(bytes: &[u8]) -> (Lab, String) {
    let (lab, cid) = Lab::with_tree();
    lab.add("tree", "");
    flip(&lab, "client", bytes);
    (lab, cid)
}

#[test]
fn a_damaged_block_is_fetched_again() {
    let (lab, cid) = damaged(&of_the_file());
    let end = lab.expect(4, &format!("ipfs get {cid} -o back"));
    assert!(
        end.stderr.contains("is missing: its copy in archive ") && end.stderr.contains(", is damaged, and"),
        "{}",
        end.stderr
    );
    // Another process knows, and nothing that failed has let go of anything.
    let told = stat(&lab);
    assert_eq!(told["damaged_blocks"], 1, "{told}");
    assert!(told["damaged"][0].as_str().unwrap().contains(": its bytes have another hash"), "{told}");
    let end = lab.expect(4, &format!("ipfs pin add {cid}"));
    assert!(end.stderr.contains("is damaged"), "{}", end.stderr);
    assert_eq!(lab.expect(0, "ipfs pin ls").stdout, format!("{cid}  tree\n"));
    let found = verify(&lab, 4);
    assert_eq!((&found["damaged_blocks"], &found["damaged"][0]["replaced"]), (&json!(1), &json!(false)), "{found}");
    assert_eq!(found["incomplete_pins"][0]["cid"], json!(cid));
    lab.expect(0, "ipfs gc");
    assert_eq!(stat(&lab)["damaged_blocks"], 1, "what is lacking is not forgotten");
    let serving = lab.serve_blocks("maker", "");
    lab.expect(0, &format!("ipfs get {cid} -o back --ipfs-connect {}", serving.peer));
    assert!(fs::read(lab.path("back/sub/big.bin")).unwrap() == pattern(600_000, 1));
    drop(serving);
    lab.expect(0, &format!("ipfs get {cid} -o again"));
    assert_eq!((&stat(&lab)["damaged_blocks"], &stat(&lab)["damaged"]), (&json!(0), &json!([])));
    let found = verify(&lab, 0);
    assert_eq!((&found["damaged_copies"], &found["damaged"][0]["replaced"]), (&json!(1), &json!(true)), "{found}");
    lab.expect(0, "ipfs gc");
    lab.expect(0, &format!("ipfs get {cid} -o third"));
}

#[test]
fn a_damaged_block_is_written_again() {
    for heal in ["ipfs add tree", "ipfs import tree.car"] {
        for bytes in [&of_the_file()[..], OF_THE_ROOT] {
            // Nobody has noticed it yet.
            let (lab, cid) = damaged(bytes);
            lab.expect(0, heal);
            lab.expect(0, &format!("ipfs get {cid} -o back"));
            assert!(fs::read(lab.path("back/sub/big.bin")).unwrap() == pattern(600_000, 1), "{heal}");
            assert_eq!(stat(&lab)["damaged_blocks"], 0, "{heal}");
            assert_eq!(verify(&lab, 0)["incomplete_pins"], json!([]), "{heal}");
            assert_eq!(lab.expect(0, "ipfs pin ls").stdout, format!("{cid}  tree\n"), "{heal}");
        }
    }
}

#[test]
fn pinning_repairs_and_collection_waits_for_it() {
    let (lab, cid) = damaged(OF_THE_ROOT);
    lab.write("loose", pattern(100_000, 9));
    let loose = lab.add("loose", "--no-pin");
    // Nothing says any longer what belongs to the pin.
    let end = lab.expect(4, "ipfs gc");
    assert!(end.stderr.contains(&format!("nothing was removed, because block {cid} is damaged")), "{}", end.stderr);
    lab.expect(0, &format!("ipfs get {loose} -o loose-2"));
    let serving = lab.serve_blocks("maker", "");
    lab.expect(0, &format!("ipfs pin add {cid} --ipfs-connect {}", serving.peer));
    drop(serving);
    assert_eq!(lab.expect(0, "ipfs pin ls").stdout, format!("{cid}  tree\n"), "it keeps its name");
    lab.expect(0, "ipfs gc");
    lab.expect(4, &format!("ipfs get {loose} -o loose-3"));
    lab.expect(0, &format!("ipfs get {cid} -o back"));
    assert_eq!(verify(&lab, 0)["incomplete_pins"], json!([]));
    // Once nobody wants it, what is damaged goes like everything else.
    flip(&lab, "client", OF_THE_ROOT);
    lab.expect(4, "ipfs gc");
    lab.expect(0, &format!("ipfs pin rm {cid}"));
    lab.expect(0, "ipfs gc");
    assert_eq!((&stat(&lab)["blocks"], &stat(&lab)["bytes"]), (&json!(0), &json!(0)));
}

#[test]
fn a_server_learns_of_damage_and_of_its_repair() {
    let (lab, cid) = damaged(&of_the_file());
    let serving = lab.serve_blocks("client", "");
    let from = |dir: &str| format!("ipfs get {cid} -o {dir} --data-dir {dir}-data --ipfs-connect {}", serving.peer);
    let end = lab.expect(4, &from("one"));
    assert!(end.stderr.contains("does not have it"), "{}", end.stderr);
    assert_eq!(stat(&lab)["damaged_blocks"], 1, "the server has said so to others");
    lab.expect(0, "ipfs import tree.car");
    lab.expect(0, &from("two"));
    assert!(fs::read(lab.path("two/sub/big.bin")).unwrap() == pattern(600_000, 1));
}

#[test]
fn a_run_over_damaged_data_fetches_it_again() {
    let (lab, cid) = damaged(&of_the_file());
    let line = format!("wasm run cat.wat -c 1 -i {cid}:/in --stdin /in/sub/big.bin");
    let end = lab.expect(4, &format!("{line} --output-dir none"));
    assert!(end.stderr.contains("is damaged"), "{}", end.stderr);
    let serving = lab.serve_blocks("maker", "");
    lab.expect(0, &format!("{line} --output-dir out --ipfs-connect {}", serving.peer));
    assert!(fs::read(lab.path("out/results/stdout")).unwrap() == pattern(600_000, 1));
    assert_eq!(stat(&lab)["damaged_blocks"], 0);
}

#[test]
fn pinning_that_is_killed_or_fails_leaves_the_pins_as_they_were() {
    let (lab, cid) = damaged(&of_the_file());
    let nobodys = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let from = format!("--ipfs-connect http://{}", silent.local_addr().unwrap());
    for cid in [&cid[..], nobodys] {
        let mut command = lab.command(&format!("ipfs pin add {cid} {from}"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // It holds what it fetches by a claim.
        let begin = Instant::now();
        let holds = || {
            let claims = fs::read_dir(lab.path("client/store/claims")).unwrap();
            let mut texts = claims.map(|claim| fs::read_to_string(claim.unwrap().path()).unwrap_or_default());
            texts.any(|text| text.contains(cid))
        };
        while !holds() {
            assert!(begin.elapsed() < Duration::from_mins(2) && child.try_wait().unwrap().is_none());
            sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    lab.expect(4, &format!("ipfs pin add {nobodys}"));
    assert_eq!(lab.expect(0, "ipfs pin ls").stdout, format!("{cid}  tree\n"));
    lab.expect(0, "ipfs gc");
    assert_eq!(fs::read_dir(lab.path("client/store/claims")).unwrap().count(), 0);
}
