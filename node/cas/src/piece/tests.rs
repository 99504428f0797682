//! Commitments against those of `@web3-storage/data-segment`, however the bytes come; and CIDs that are none of pieces.

use std::io::{self, Write};

use multihash::Multihash;
use proptest::prelude::*;
use serde::Deserialize;

use super::{Commitment, PieceWriter};
use crate::Cid;
use bacalhau_values::hex;

/// `vectors.json`: made by `@web3-storage/data-segment` 5.3.0.
#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    payload: String,
    size: u32,
    piece_cid_v1: String,
    piece_cid_v2: String,
    padded_piece_size: u64,
    height: u8,
    padding: String,
    root: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str::<Vectors>(include_str!("vectors.json")).unwrap().vectors
}

/// The formula of the vectors.
pub(super) fn pattern(size: u32) -> Vec<u8> {
    let byte = |at: u32| at.wrapping_mul(31).to_le_bytes()[0] ^ at.to_le_bytes()[1..].iter().fold(0, |a, b| a ^ b);
    (0..size).map(byte).collect()
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        if self.payload == "zero" { vec![0; self.size as usize] } else { pattern(self.size) }
    }
}

fn commit(bytes: &[u8], mut sizes: impl Iterator<Item = usize>) -> Commitment {
    let mut piece = PieceWriter::new(Vec::new());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(sizes.next().unwrap().min(rest.len()));
        piece.write_all(now).unwrap();
        rest = later;
    }
    let (commitment, written) = piece.finish().unwrap();
    assert!(written == bytes, "what is committed to is what is written");
    commitment
}

#[test]
fn commitments_are_those_of_other_peoples_tools() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 35);
    for vector in vectors {
        let name = format!("{} of {}", vector.payload, vector.size);
        let bytes = vector.bytes();
        for size in [1 << 20, 127, 1001] {
            let piece = commit(&bytes, std::iter::repeat(size));
            assert_eq!(piece.cid_v1().to_string(), vector.piece_cid_v1, "{name}");
            assert_eq!(piece.cid_v2().to_string(), vector.piece_cid_v2, "{name}");
            assert_eq!(piece.padded_size(), vector.padded_piece_size, "{name}");
            assert_eq!(piece.height(), vector.height, "{name}");
            assert_eq!(piece.payload_size(), u64::from(vector.size), "{name}");
            assert_eq!((piece.capacity() - piece.payload_size()).to_string(), vector.padding, "{name}");
            assert_eq!(hex::Hex(piece.root()).to_string(), vector.root, "{name}");
        }
        let v2: Cid = vector.piece_cid_v2.parse().unwrap();
        let piece = Commitment::from_v2(&v2).unwrap();
        assert_eq!(piece, Commitment::of("it", &*bytes).unwrap());
        let v1 = Commitment::from_v1(&piece.cid_v1(), vector.padded_piece_size).unwrap();
        assert_eq!((v1.root(), v1.height()), (piece.root(), piece.height()));
    }
}

#[test]
fn threads_change_nothing() {
    // Several batches of one thread, not one of eight.
    let bytes = pattern(11_000_003);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| commit(&bytes, std::iter::repeat(300_007)))
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_writes_give_the_same(size in 0_u32..20_000, sizes in prop::collection::vec(1_usize..3000, 1..20)) {
        let bytes = pattern(size);
        prop_assert_eq!(commit(&bytes, sizes.into_iter().cycle()), commit(&bytes, std::iter::once(bytes.len())));
    }

    #[test]
    fn any_piece_comes_back_from_its_cid(root in any::<[u8; 32]>(), height in 2_u8..=58, part in any::<u64>()) {
        let root = { let mut root = root; root[31] &= 0x3f; root };
        let payload = part % (127 << (height - 2)) + 1;
        let piece = Commitment::new(root, height, payload).unwrap();
        prop_assert_eq!(Commitment::from_v2(&piece.cid_v2()).unwrap(), piece);
    }
}

/// FRC-0069: fewer than 127 bytes are padded to 127. Its vectors of no bytes and of 127 zeros.
#[test]
fn few_bytes_are_padded_to_the_smallest_piece() {
    let cid = |bytes: &[u8]| Commitment::of("it", bytes).unwrap().cid_v2().to_string();
    assert_eq!(cid(&[]), "bafkzcibcp4bdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy");
    assert_eq!(cid(&[0; 127]), "bafkzcibcaabdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy");
    for size in [0_u32, 1, 12, 64, 65, 126] {
        let bytes = pattern(size);
        let piece = Commitment::of("it", &bytes[..]).unwrap();
        assert_eq!((piece.payload_size(), piece.padded_size(), piece.height()), (u64::from(size), 128, 2));
        let mut padded = bytes.clone();
        padded.resize(127, 0);
        assert_eq!(piece.cid_v1(), Commitment::of("it", &padded[..]).unwrap().cid_v1(), "{size}");
        assert_eq!(Commitment::from_v2(&piece.cid_v2()).unwrap(), piece);
    }
}

/// A disk that is full after some bytes, and takes few at a time.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0).min(10);
        self.0 -= taken;
        if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn only_what_was_written_is_committed_to() {
    let bytes = pattern(100);
    let mut piece = PieceWriter::new(Full(100));
    piece.write_all(&bytes).unwrap();
    assert_eq!(piece.write(&bytes).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(piece.finish().unwrap().0, Commitment::of("it", &*bytes).unwrap());
}

#[test]
fn cids_of_anything_else_are_refused() {
    let piece = Commitment::of("it", &*pattern(1000)).unwrap();
    let (v1, v2) = (piece.cid_v1(), piece.cid_v2());
    let file: Cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse().unwrap();
    for other in [v1, file] {
        assert!(Commitment::from_v2(&other).unwrap_err().to_string().contains("version 2 (bafkzcib…) is expected"));
    }
    for other in [v2, file] {
        assert!(Commitment::from_v1(&other, 1024).unwrap_err().to_string().contains("version 1 (baga6ea4seaq…)"));
    }
    for size in [0, 64, 127, 129, 1000] {
        assert!(Commitment::from_v1(&v1, size).unwrap_err().to_string().contains("not a power of two"), "{size}");
    }
    let made = |digest: &[u8]| Cid::new_v1(0x55, Multihash::wrap(0x1011, digest).unwrap());
    let digest = v2.hash().digest().to_vec();
    let with = |at: usize, byte: u8| {
        let mut digest = digest.clone();
        digest[at] = byte;
        digest
    };
    for (digest, words) in [
        (Vec::new(), "not a varint"),
        (digest[..digest.len() - 1].to_vec(), "not a varint"),
        ([&digest[..], &[0]].concat(), "not a varint"),
        // Padding of 16 bytes in one byte, then the height.
        (with(1, 0), "0 levels"),
        (with(1, 59), "59 levels"),
        (with(1, 255), "255 levels"),
        (with(33, 0xff), "more than 254 bits"),
        ([&[0xff; 9][..], &[1], &digest[1..]].concat(), "more than the"),
        ([&[0xf8, 0x07][..], &digest[1..]].concat(), "not 0"),
    ] {
        let error = Commitment::from_v2(&made(&digest)).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}
