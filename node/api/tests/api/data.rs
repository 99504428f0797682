//! Data that clients bring along, and what they try instead.

use std::fs;
use std::sync::Arc;

use bacalhau_tree::HostTree;

use super::*;
use bacalhau_cas::{
    Block, Code,
    car::CarWriter,
    dag_pb::{Link, Node},
    is_complete,
};

const KIND: &str = "Content-Type: application/vnd.ipld.car";

fn archive(roots: &[&Block], blocks: &[&Block]) -> Vec<u8> {
    let roots: Vec<_> = roots.iter().map(|block| *block.cid()).collect();
    let mut car = CarWriter::new(Vec::new(), &roots).unwrap();
    for block in blocks {
        car.write(block).unwrap();
    }
    car.finish().unwrap()
}

#[test]
fn data_is_brought_and_kept_for_a_while() {
    let stage = Stage::new();
    let dir = stage.fake.path("input");
    fs::create_dir_all(dir.join("sub")).unwrap();
    fs::write(dir.join("sub/large"), vec![1; 5 << 20]).unwrap();
    fs::write(dir.join("small"), "x").unwrap();
    let cid = stage.client(1).add_data(Arc::new(HostTree::open(&dir).unwrap())).unwrap();
    let store = &stage.fake.data;
    assert!(is_complete(&**store, cid.cid()).unwrap());
    assert_eq!(store.pins().unwrap().len(), 1);
    assert_eq!(let_go(store, 1_000).unwrap(), 0);
    assert_eq!(let_go(store, 1_001).unwrap(), 1);
    assert_eq!(store.pins().unwrap(), []);
    // What somebody has pinned for good stays so.
    store.pin(cid.cid(), "for good").unwrap();
    stage.client(1).add_data(Arc::new(HostTree::open(&dir).unwrap())).unwrap();
    assert_eq!((let_go(store, u64::MAX).unwrap(), store.pins().unwrap().len()), (0, 1));
}

#[test]
fn archives_that_are_none_are_refused_by_name() {
    let stage = Stage::within(Limits { data_bytes: 100_000, ..Limits::default() });
    let leaf = Block::of(Code::Raw, "leaf");
    let unsent = Block::of(Code::Raw, "another leaf");
    let link = Link { cid: *unsent.cid(), name: "".into(), total_size: 0 };
    let top = Block::of(Code::DagPb, Node { links: vec![link], data: None }.encode());
    let mut torn = archive(&[&leaf], &[&leaf]);
    torn.truncate(torn.len() - 1);
    let mut altered = archive(&[&leaf], &[&leaf]);
    *altered.last_mut().unwrap() ^= 1;
    let many: Vec<&Block> = vec![&leaf; 65];
    let table = [
        ("nothing", Vec::new(), ErrorCode::Refused),
        ("no archive", b"hello, this is text".to_vec(), ErrorCode::Refused),
        ("torn", torn, ErrorCode::Refused),
        ("altered", altered, ErrorCode::Refused),
        ("no roots", archive(&[], &[&leaf]), ErrorCode::Refused),
        ("many roots", archive(&many, &[&leaf]), ErrorCode::Refused),
        ("root is missing", archive(&[&top], &[&leaf]), ErrorCode::Refused),
        ("leaf is missing", archive(&[&top], &[&top]), ErrorCode::Refused),
        ("large", vec![0; 100_001], ErrorCode::TooLarge),
    ];
    for (name, bytes, code) in table {
        let reply = stage.ask("POST", "/api/v1/data", &[KIND], &bytes);
        assert_eq!(reply.error().code, code, "{name}: {reply:?}");
    }
    // Without a length in the head.
    let whole =
        archive(&[&leaf], &[&leaf, &Block::of(Code::Raw, vec![1; 99_000]), &Block::of(Code::Raw, vec![2; 9_000])]);
    let mut chunked = Vec::new();
    for chunk in whole.chunks(10_000) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    let reply = stage.ask("POST", "/api/v1/data", &[KIND, "Transfer-Encoding: chunked"], &chunked);
    assert_eq!(reply.error().code, ErrorCode::TooLarge, "{reply:?}");
    assert_eq!(stage.fake.data.pins().unwrap(), [], "nothing of it is kept");
    let whole = archive(&[&top], &[&unsent, &top]);
    assert_eq!(
        stage.ask("POST", "/api/v1/data", &[], &whole).error().code,
        ErrorCode::UnsupportedType,
        "a page's form"
    );
    assert_eq!(stage.ask("POST", "/api/v1/data", &[KIND], &whole).status(), 201);
}
