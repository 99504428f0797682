//! Archives of a gateway: whole, cut short, and of blocks that nobody asked for.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use bacalhau_cas::{
    Code, canonical,
    car::CarWriter,
    dag_pb::{Link, Node},
    unixfs::{Meta, MetaKind},
};
use bacalhau_testkit::server::{Asked, TestServer, respond, say_nothing};

/// A file of four leaves, root first.
fn dag() -> Vec<Block> {
    let leaves: Vec<_> = ["one", "two", "three", "four"].map(|text| Block::of(Code::Raw, text)).into();
    let link = |leaf: &Block| Link { cid: *leaf.cid(), name: Bytes::new(), total_size: 0 };
    let node = Node { links: leaves.iter().map(link).collect(), data: Some(Meta::of(MetaKind::File).encode().into()) };
    let mut blocks = vec![Block::of(Code::DagPb, node.encode())];
    blocks.extend(leaves);
    blocks
}

fn car(roots: &[Cid], blocks: &[Block]) -> Vec<u8> {
    let mut writer = CarWriter::new(Vec::new(), roots).unwrap();
    for block in blocks {
        writer.write(block).unwrap();
    }
    writer.finish().unwrap()
}

/// Answers raw requests truly, and those for archives with `answer`.
fn fetch(
    max_bytes: u64,
    answer: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> (Result<CarFetched, String>, Vec<Block>, Vec<Asked>) {
    let server = TestServer::start(move |asked, stream| {
        if asked.target.contains("format=car") {
            return answer(stream);
        }
        let cid: Cid = asked.target["/ipfs/".len()..].split('?').next().unwrap().parse().unwrap();
        match dag().iter().find(|block| *block.cid() == cid) {
            Some(block) => respond(stream, "200 OK", &[], block.bytes()),
            None => respond(stream, "404 Not Found", &[], b""),
        }
    });
    let gateway = Gateway::new(server.url("/"), Duration::from_millis(300));
    let mut got = Vec::new();
    let mut sink = |block| {
        got.push(block);
        Ok(())
    };
    let what = CarFetch { root: *dag()[0].cid(), scope: Scope::All, max_bytes };
    let fetched = gateway.fetch_car(what, &mut sink).map_err(|error| error.to_string());
    (fetched, got, server.asked())
}

fn sorted(mut blocks: Vec<Block>) -> Vec<Cid> {
    blocks.sort_by_key(|block| *block.cid());
    blocks.iter().map(|block| *block.cid()).collect()
}

#[test]
fn a_whole_archive_is_enough() {
    let (fetched, got, asked) = fetch(1000, |stream| respond(stream, "200 OK", &[], &car(&[*dag()[0].cid()], &dag())));
    let bytes = dag().iter().map(|block| block.bytes().len() as u64).sum();
    assert_eq!(fetched.unwrap(), CarFetched { archived: 5, single: 0, bytes, cut_short: None });
    assert_eq!(got, dag());
    let [asked] = &asked[..] else { panic!("{asked:?}") };
    assert!(asked.target.ends_with("?format=car&dag-scope=all&car-version=1&car-order=dfs&car-dups=n"));
    assert!(asked.header("accept").unwrap().starts_with("application/vnd.ipld.car; version=1"));
}

#[test]
fn what_an_archive_lacks_comes_block_by_block() {
    let dag = dag();
    let root = *dag[0].cid();
    let whole = car(&[root], &dag);
    let (three, foreign) = (car(&[root], &dag[..3]), Block::of(Code::Raw, "foreign"));
    let mut wrong = whole.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let unasked = car(&[root], &[dag[0].clone(), foreign.clone(), dag[1].clone()]);
    let other_root = car(&[*foreign.cid()], std::slice::from_ref(&foreign));
    let again: Vec<_> = dag[..2].iter().cycle().take(10).cloned().collect();
    let table = [
        ("cut between blocks", three, 3, "2 known blocks"),
        ("cut within a block", whole[..whole.len() - 2].into(), 4, "truncated"),
        ("a wrong hash at the end", wrong, 4, "another hash"),
        ("a block that nobody asked for", unasked, 1, "unrequested block"),
        ("another DAG", other_root, 0, "unrequested block"),
        ("the same again and again", car(&[root], &again), 2, "3 known blocks"),
        ("nothing but a header", car(&[root], &[]), 0, "1 known blocks"),
        ("no archive", b"<html>".to_vec(), 0, "the archive of gateway"),
        ("nothing", Vec::new(), 0, "the archive of gateway"),
    ];
    for (what, archive, archived, why) in table {
        let (fetched, got, _) = fetch(1000, move |stream| respond(stream, "200 OK", &[], &archive));
        let fetched = fetched.unwrap();
        let said = fetched.cut_short.unwrap();
        assert!(said.contains(why), "{what}: {said}");
        assert_eq!((fetched.archived, fetched.single), (archived, 5 - archived), "{what}");
        assert_eq!(sorted(got), sorted(dag.clone()), "{what}");
    }
}

#[test]
fn gateways_without_archives_do_as_well() {
    let end = |answer: fn(&mut TcpStream) -> io::Result<()>| {
        let (fetched, got, _) = fetch(1000, answer);
        assert_eq!(got.len(), 5);
        fetched.unwrap().cut_short.unwrap()
    };
    assert!(end(|stream| respond(stream, "406 Not Acceptable", &[], b"")).contains("406"));
    assert!(end(say_nothing).contains("silent for 0.3 s"));
    let said = end(|stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
        loop {
            stream.write_all(&[0x70])?;
            std::thread::park_timeout(Duration::from_millis(50));
        }
    });
    assert!(said.contains("bytes in 1 s"), "{said}");
}

#[test]
fn errors_end_it() {
    let whole = || car(&[*dag()[0].cid()], &dag());
    let limit = dag()[0].bytes().len() as u64 + 1;
    let (fetched, got, _) = fetch(limit, move |stream| respond(stream, "200 OK", &[], &whole()));
    assert!(fetched.unwrap_err().contains(&format!("has more than {limit} bytes")));
    assert_eq!(got, &dag()[..1]);
    let server = TestServer::start(|_, stream| respond(stream, "404 Not Found", &[], b""));
    let gateway = Gateway::new(server.url("/"), Duration::from_secs(1));
    let what = CarFetch { root: canonical(dag()[0].cid()), scope: Scope::Entity, max_bytes: 1000 };
    let error = gateway.fetch_car(what, &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("404 Not Found"), "{error}");
    let whole = || car(&[*dag()[0].cid()], &dag());
    let server = TestServer::start(move |_, stream| respond(stream, "200 OK", &[], &whole()));
    let gateway = Gateway::new(server.url("/"), Duration::from_secs(1));
    let error = gateway.fetch_car(what, &mut |block| Err(DataError::missing(block.cid(), "the disk is full")));
    assert!(error.unwrap_err().to_string().contains("the disk is full"));
}
