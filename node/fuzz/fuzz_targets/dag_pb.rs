//! Protobuf nodes: decoding and encoding round trip.
#![no_main]

use bacalhau_cas::{dag_pb::Node, Block, Code};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let block = Block::of(Code::DagPb, Bytes::copy_from_slice(data));
    if let Ok(node) = Node::decode(block.cid(), block.bytes().clone()) {
        assert_eq!(Node::decode(block.cid(), node.encode().into()).unwrap(), node);
    }
});
