//! Archives as Lotus, Boost and others write them: by other hash functions, with data in CIDs, several in one file.

use std::fs;

use bacalhau_cas::{
    Block, Cid, Code, RAW,
    car::CarWriter,
    dag_pb::{Link, Node},
};
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use multihash::Multihash;
use serde_json::json;

use bacalhau_testkit::{Lab, pattern};

const BLAKE: &[u8] = include_bytes!("data/blake.car");
const SHA512: &[u8] = include_bytes!("data/sha512.car");
const SHA1: &[u8] = include_bytes!("data/sha1.car");
/// A directory with a file of which the data stands in its CID, which is no section of the archive.
const IDENTITY_LINKED: &[u8] = include_bytes!("data/ident_100_linked.car");
/// The same, where it is one.
const IDENTITY_SECTION: &[u8] = include_bytes!("data/ident_100_section.car");

/// Bytes of the first part of the file of Lotus.
const PART: u32 = 700_000;
const REST: &[u8] = b"the rest of the file";

fn block(codec: u64, code: u64, digest: &[u8], bytes: &[u8]) -> Block {
    Block::new(Cid::new_v1(codec, Multihash::wrap(code, digest).unwrap()), bytes.to_vec().into()).unwrap()
}

fn archive(roots: &[Cid], blocks: &[Block]) -> Vec<u8> {
    let mut writer = CarWriter::new(Vec::new(), roots).unwrap();
    for block in blocks {
        writer.write(block).unwrap();
    }
    writer.finish().unwrap()
}

/// A file as `lotus client import` writes it: parts by `BLAKE2b`, the last part and the root within their CIDs.
fn lotus() -> Vec<u8> {
    let part = pattern(PART, 7);
    let part = block(RAW, 0xb220, &Blake2b::<U32>::digest(&part), &part);
    let rest = block(RAW, 0, REST, REST);
    let link = |block: &Block| Link { cid: *block.cid(), name: "".into(), total_size: block.bytes().len() as u64 };
    // A file, its size, and the sizes of its parts.
    let meta = b"\x08\x02\x18\xf4\xdc\x2a\x20\xe0\xdc\x2a\x20\x14";
    let root = Node { links: vec![link(&part), link(&rest)], data: Some(meta.to_vec().into()) }.encode();
    let root = block(0x70, 0, &root, &root);
    archive(&[*root.cid()], &[root, part, rest])
}

#[test]
fn archives_of_others_are_read_mounted_and_served() {
    let lab = Lab::new();
    let file = [&pattern(PART, 7), REST].concat();
    let tiny = [b'x'; 100].as_slice();
    for (name, car, path, content) in [
        ("blake", BLAKE, "", b"hi blake".as_slice()),
        ("sha512", SHA512, "", b"sha512"),
        ("linked", IDENTITY_LINKED, "/hundred", tiny),
        ("section", IDENTITY_SECTION, "/hundred", tiny),
        ("lotus", &lotus(), "", &file),
    ] {
        lab.write(&format!("{name}.car"), car);
        let imported = lab.expect_json(0, &format!("ipfs import {name}.car --data-dir {name} --output json"));
        let archive = &imported["archives"][0];
        assert_eq!((&archive["pinned"], &archive["incomplete"]), (&json!(true), &json!([])), "{name}");
        let cid = archive["roots"][0].as_str().unwrap().to_owned();
        let listed = lab.expect_json(0, &format!("ipfs ls {cid}{path} --data-dir {name} --output json"));
        assert_eq!(listed["entries"][0]["bytes"], content.len(), "{name}");
        lab.expect(0, &format!("ipfs get {cid}{path} -o {name}.out --data-dir {name}"));
        assert!(fs::read(lab.path(&format!("{name}.out"))).unwrap() == content, "{name}");
        lab.expect(0, &format!("ipfs gc --data-dir {name}"));
        assert_eq!(lab.expect_json(0, &format!("ipfs verify --data-dir {name} --output json"))["damaged_copies"], 0);
        // Written once more, and read by a store that has nothing else.
        lab.expect(0, &format!("ipfs export {cid} -o {name}-2.car --data-dir {name}"));
        lab.expect(0, &format!("ipfs import {name}-2.car --data-dir {name}-2"));
        lab.expect(0, &format!("ipfs get {cid}{path} -o {name}-2.out --data-dir {name}-2"));
        assert!(fs::read(lab.path(&format!("{name}-2.out"))).unwrap() == content, "{name}");
        // Over Bitswap.
        let serving = lab.serve_blocks(name, "");
        let line = format!("ipfs get {cid}{path} -o {name}-3.out --data-dir {name}-3 --ipfs-connect {}", serving.peer);
        lab.expect(0, &line);
        assert!(fs::read(lab.path(&format!("{name}-3.out"))).unwrap() == content, "{name}");
        // As an unsealed copy, read in place.
        lab.write(&format!("data/{cid}.car"), car);
        let line = format!("wasm run cat.wat -c 1 -i {cid}:/in --stdin /in{path} --output-dir {name}-run");
        let line = format!("{line} --filecoin-unsealed-path");
        let end = lab.command(&line).arg(lab.path("data/{{.Cid}}.car")).output().unwrap();
        assert!(end.status.success(), "{name}: {}", String::from_utf8_lossy(&end.stderr));
        assert!(fs::read(lab.path(&format!("{name}-run/results/stdout"))).unwrap() == content, "{name}");
        // The bytes of an archive are a piece, whatever they hold.
        lab.expect(0, &format!("piece {name}.car"));
    }
}

#[test]
fn hashes_that_are_not_computed_here_are_named_and_not_called_corrupt() {
    let lab = Lab::new();
    lab.write("sha1.car", SHA1);
    let header = archive(&[], &[]);
    // Twenty bytes of a SHA-256, and 129 bytes that stand in their CID.
    let short = [&header[..], b"\x19\x01\x55\x12\x14", &[7; 20], b"x"].concat();
    let long = [&header[..], b"\x87\x02\x01\x55\x00\x81\x01", &[7; 129], &[7; 129]].concat();
    lab.write("short.car", &short);
    lab.write("long.car", &long);
    for (name, words) in [
        ("sha1", "error: hash function sha1 of baf"),
        ("short", "error: a digest of 20 bytes by sha2-256, as in "),
        ("long", "long.car is malformed: at byte 20, a section does not begin with a CID"),
    ] {
        let end = lab.expect(4, &format!("ipfs import {name}.car"));
        assert!(end.stderr.contains(words) && !end.stderr.contains("corrupt"), "{name}: {}", end.stderr);
    }
    assert_eq!(lab.expect(0, "ipfs pin ls").stdout, "");
    lab.expect(0, "piece sha1.car");
}

#[test]
fn several_archives_in_one_file_are_not_read_as_the_first() {
    let (lab, cid) = Lab::with_tree();
    let car = fs::read(lab.path("tree.car")).unwrap();
    let padded = |zeros: usize| [&car[..], &vec![0; zeros], BLAKE, &[0; 1000]].concat();
    for (name, bytes, at) in [
        ("none", padded(0), car.len()),
        ("few", padded(100), car.len() + 100),
        ("many", padded(1 << 20), car.len() + (1 << 20)),
        // The header begins with the last bytes that are looked at together.
        ("across", padded((64 << 10) - 2), car.len() + (64 << 10) - 2),
    ] {
        lab.write(&format!("{name}.car"), &bytes);
        lab.write(&format!("data/{cid}.car"), &bytes);
        let words =
            format!("aggregate of several archives is not supported: another one begins at byte {at}; split it");
        let end = lab.expect(4, &format!("ipfs import {name}.car --data-dir other"));
        assert!(end.stderr.contains(&words), "{name}: {}", end.stderr);
        let line = format!("wasm run hello.wat -i {cid}:/in --output-dir out --filecoin-unsealed-path");
        let end = lab.command(&line).arg(lab.path("data/{{.Cid}}.car")).output().unwrap();
        let said = String::from_utf8(end.stderr).unwrap();
        assert!(end.status.code() == Some(4) && said.contains(&words), "{name}: {said}");
        let piece = lab.expect_json(0, &format!("piece {name}.car --output json"));
        assert_eq!(piece["payload_size"], bytes.len());
    }
    assert_eq!(lab.expect(0, "ipfs pin ls --data-dir other").stdout, "");
}

#[test]
fn what_dag_cbor_links_to_belongs_to_it() {
    let lab = Lab::new();
    let leaf = Block::of(Code::Raw, pattern(5000, 3));
    // {"link": leaf}, in DAG-CBOR.
    let bytes = [b"\xa1\x64link\xd8\x2a\x58\x25\x00".as_slice(), &leaf.cid().to_bytes()].concat();
    let digest = Block::of(Code::Raw, bytes.clone());
    let root = Block::new(Cid::new_v1(0x71, *digest.cid().hash()), bytes.into()).unwrap();
    lab.write("whole.car", archive(&[*root.cid()], &[root.clone(), leaf.clone()]));
    lab.write("root.car", archive(&[*root.cid()], std::slice::from_ref(&root)));
    let end = lab.expect(4, "ipfs import root.car");
    assert!(end.stderr.contains(&format!("{}: block {} is missing", root.cid(), leaf.cid())), "{}", end.stderr);
    assert_eq!(lab.expect_json(0, "ipfs import whole.car --output json")["archives"][0]["pinned"], true);
    lab.expect(0, "ipfs gc");
    lab.expect(0, &format!("ipfs get {} -o leaf", leaf.cid()));
    lab.expect(0, &format!("ipfs export {} -o again.car", root.cid()));
    assert!(fs::read(lab.path("again.car")).unwrap() == fs::read(lab.path("whole.car")).unwrap());
}
