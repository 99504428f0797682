//! Extracts the links of a DAG-CBOR block (<https://ipld.io/specs/codecs/dag-cbor/spec/>) in one pass, without decoding
//! anything else.

use bytes::Bytes;

use super::{Cid, DataError};

/// The tag of a link.
const LINK_TAG: u64 = 42;
/// Multicodecs of the commitments of Filecoin to pieces and sectors, which name no blocks.
const COMMITMENTS: [u64; 2] = [0xf101, 0xf102];

/// The CIDs of blocks that the block of `cid` links to, in its order.
pub(super) fn links(cid: &Cid, block: &Bytes) -> Result<Vec<Cid>, DataError> {
    let mut links = scan(block).map_err(|why| DataError::malformed(format!("block {cid}"), why))?;
    links.retain(|link| !COMMITMENTS.contains(&link.codec()));
    Ok(links)
}

fn scan(block: &[u8]) -> Result<Vec<Cid>, &'static str> {
    let (mut rest, mut links) = (block, Vec::new());
    // Number of remaining items, including nested ones as their count is read.
    let mut open = 1_u64;
    let mut is_link = false;
    while open > 0 {
        // Each has a byte at least, so the number is bounded by the block.
        if open > rest.len() as u64 {
            return Err("it is truncated");
        }
        open -= 1;
        let (kind, argument) = head(&mut rest)?;
        if is_link && kind != 2 {
            return Err("a link in it is not bytes");
        }
        match kind {
            2 | 3 => {
                let bytes = take(&mut rest, argument)?;
                if is_link {
                    links.push(link(bytes)?);
                }
            }
            4 => open = open.saturating_add(argument),
            5 => open = open.saturating_add(argument.saturating_mul(2)),
            6 if argument == LINK_TAG => open += 1,
            6 => return Err("it has a tag other than that of links"),
            _ => {}
        }
        is_link = kind == 6;
    }
    if rest.is_empty() { Ok(links) } else { Err("it has bytes behind its end") }
}

/// Kind and number of the next item.
fn head(rest: &mut &[u8]) -> Result<(u8, u64), &'static str> {
    let first = take(rest, 1)?[0];
    let argument = match first & 0x1f {
        small @ 0..=23 => u64::from(small),
        width @ 24..=27 => take(rest, 1 << (width - 24))?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
        _ => return Err("it has an item without a length"),
    };
    Ok((first >> 5, argument))
}

fn take<'a>(rest: &mut &'a [u8], count: u64) -> Result<&'a [u8], &'static str> {
    let count = usize::try_from(count).ok().filter(|count| *count <= rest.len()).ok_or("it is truncated")?;
    let (taken, left) = rest.split_at(count);
    *rest = left;
    Ok(taken)
}

/// The CID of a link, after its leading zero.
fn link(bytes: &[u8]) -> Result<Cid, &'static str> {
    let cid = bytes.strip_prefix(&[0]).ok_or("a link in it does not begin with a zero")?;
    Cid::try_from(cid).map_err(|_| "a link in it is not a CID")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;
    use crate::{Block, Code, Hash};

    #[derive(Serialize)]
    struct Message {
        name: String,
        numbers: Vec<i64>,
        half: f64,
        parent: Cid,
        parts: BTreeMap<String, Vec<Cid>>,
        nothing: Option<Cid>,
        piece: Cid,
    }

    fn cid(text: &str) -> Cid {
        *Block::of(Code::Raw, text.to_owned()).cid()
    }

    fn message() -> Message {
        Message {
            name: "ü".repeat(300),
            numbers: vec![0, 23, 24, -1, -500, 70_000, i64::MIN, i64::MAX],
            half: 0.5,
            parent: cid("parent"),
            parts: BTreeMap::from([("a".into(), vec![cid("b"), cid("c")]), ("d".into(), vec![])]),
            nothing: None,
            piece: Cid::new_v1(0xf101, Hash::wrap(0x1012, &[1; 32]).unwrap()),
        }
    }

    #[test]
    fn links_are_found_wherever_they_are() {
        let bytes = Bytes::from(serde_ipld_dagcbor::to_vec(&message()).unwrap());
        let mut found = links(&cid("it"), &bytes).unwrap();
        found.sort_unstable();
        let mut expected = [cid("parent"), cid("b"), cid("c")];
        expected.sort_unstable();
        assert_eq!(found, expected);
        for end in 0..bytes.len() {
            assert_eq!(scan(&bytes[..end]), Err("it is truncated"), "{end}");
        }
        assert_eq!(scan(&[&bytes[..], &[0]].concat()), Err("it has bytes behind its end"));
    }

    #[test]
    fn what_is_malformed_is_said_and_costs_nothing() {
        let table: [(&[u8], &str); 8] = [
            (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "truncated"),
            (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "truncated"),
            (b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", "truncated"),
            (b"\x9f\xff", "without a length"),
            (b"\xc1\x00", "a tag other than"),
            (b"\xd8\x2a\x00", "is not bytes"),
            (b"\xd8\x2a\x41\x01", "does not begin with a zero"),
            (b"\xd8\x2a\x42\x00\x01", "is not a CID"),
        ];
        for (bytes, why) in table {
            assert!(scan(bytes).unwrap_err().contains(why), "{bytes:?}: {why}");
        }
        // Nesting takes no stack.
        assert_eq!(scan(&[&vec![0x81; 1 << 20][..], &[0]].concat()), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = scan(&bytes);
        }
    }
}
