//! Aggregates as `@web3-storage/data-segment` 5.3.0 makes them, and indexes of someone who means harm.

use std::io;

use bacalhau_tree::ReadAt;
use proptest::prelude::*;

use super::*;
use crate::Cid;
use crate::piece::tests::pattern;

struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.0.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// An entry of an index.
fn entry(root: &Node, offset: u64, size: u64) -> [Node; 2] {
    let mut rest = [0; 32];
    rest[..8].copy_from_slice(&offset.to_le_bytes());
    rest[8..16].copy_from_slice(&size.to_le_bytes());
    let sum = checksum(root, &rest);
    rest[16..].copy_from_slice(&sum);
    [*root, rest]
}

/// The payload of padded bytes.
fn unpad(padded: &[u8]) -> Vec<u8> {
    let mut payload = vec![0; padded.len() / 128 * 127];
    for at in 0..payload.len() * 8 {
        let from = at / 254 * 256 + at % 254;
        payload[at / 8] |= (padded[from / 8] >> (from % 8) & 1) << (at % 8);
    }
    payload
}

/// A piece with these payloads at places that are multiples of their sizes, and these entries in its index.
fn piece(padded: u64, parts: &[(u64, Vec<u8>)], entries: &[[Node; 2]]) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(payload(padded)).unwrap()];
    for (offset, part) in parts {
        let at = usize::try_from(payload(*offset)).unwrap();
        bytes[at..at + part.len()].copy_from_slice(part);
    }
    let mut index = entries.as_flattened().as_flattened().to_vec();
    index.resize(index.len().next_multiple_of(128), 0);
    let at = usize::try_from(payload(index_place(padded).unwrap())).unwrap();
    bytes[at..at + index.len() / 128 * 127].copy_from_slice(&unpad(&index));
    bytes
}

fn found(padded: u64, bytes: Vec<u8>) -> Result<Vec<Segment>, String> {
    let height = u8::try_from((padded / 32).trailing_zeros()).unwrap();
    let piece = Commitment::new([0; 32], height, payload(padded)).unwrap();
    segments("the piece", &piece, &Bytes(bytes)).map_err(|error| error.to_string())
}

/// Padded size of an aggregate; place, payload and CID of each segment; its CID.
type Golden<'a> = (u64, &'a [(u64, u32, &'a str)], &'a str);

#[test]
fn aggregates_of_another_tool_have_the_same_commitment_and_segments() {
    let table: [Golden<'_>; 3] = [
        (
            1 << 20,
            &[
                (0, 500_000, "bafkzcibe4coqcdu4mnm5hg5yjphricfwe4emyvtmoqunakodlexmbpwswzpspnfpam"),
                (524_288, 200_000, "bafkzcibeydkqgdku7dqefq5qulsomzrh3rbzsz4cnnm74qgzqrlrszhd2aerbfkuce"),
                (786_432, 70_000, "bafkzcibesdkqgdhkm3kmslidttgqgefred4lxeqtsdpmoueau4a6mtpyh67thn6lci"),
                (917_504, 300, "bafkzcibd2aaqj4r4kt35g5bimv57q6celydkrrr6lo7oxeir4gca3wucdmap2cyl"),
            ],
            "bafkzcibcaah3qfcxd5hambnmveqkaei4pgn4kwizfh72py3hrylgzwlp27skydy",
        ),
        (
            1 << 14,
            &[
                (0, 127, "bafkzcibcaabo4mf4gr2pzcueudwspkyst24xey4ul3x2dzp6phph4q7dc6acgha"),
                (1024, 1000, "bafkzcibccac3gx54s2lpbkc22baoz4obqa6i6kh2nva5td273aiwwwoeuwt2qni"),
                (4096, 4000, "bafkzcibciadzrzyinvhrq54wb6dpbj5k67nuotbgs4ngmccwpaxh4zku2qpqsfi"),
            ],
            "bafkzcibcaaeusxlifqny7fmswmysmcvyzdqboawa5yxc6tk4dwokwasteqesoia",
        ),
        (
            1 << 23,
            &[
                (0, 3_000_000, "bafkzcibeydzemejbkkrhwwwe7zbg7m3rk6nm4lkmstacceyg3taplujf77ymcwl3ei"),
                (4_194_304, 1_000_000, "bafkzcibeyc5qed3cwg2q5x3qmdkfn6qmxihvtqawrezezae5gvtp2ilwssdkfxjoe4"),
                (5_242_880, 100, "bafkzcibcdmbo36fnzmf76vigvvo5qj3vazymuwnhr7ozztljhbwi56ro7g26egi"),
            ],
            "bafkzcibcaajnvpukgvmavjylmmz3uipqc3vwdlaagpbjfkvdo4xgfjqkeqpo2ly",
        ),
    ];
    for (padded, parts, expected) in table {
        let commitments: Vec<_> =
            parts.iter().map(|(_, _, cid)| Commitment::from_v2(&cid.parse::<Cid>().unwrap()).unwrap()).collect();
        let payloads: Vec<_> = parts.iter().map(|(at, size, _)| (*at, pattern(*size))).collect();
        for ((_, bytes), commitment) in payloads.iter().zip(&commitments) {
            assert_eq!(Commitment::of("part", &bytes[..]).unwrap(), *commitment);
        }
        let entries: Vec<_> = parts
            .iter()
            .zip(&commitments)
            .map(|((at, ..), piece)| entry(piece.root(), *at, piece.padded_size()))
            .collect();
        let bytes = piece(padded, &payloads, &entries);
        assert_eq!(Commitment::of("aggregate", &bytes[..]).unwrap().cid_v2().to_string(), expected);
        let segments = found(padded, bytes).unwrap();
        assert_eq!(segments.len(), parts.len());
        for (segment, ((at, ..), commitment)) in segments.iter().zip(parts.iter().zip(&commitments)) {
            assert_eq!(segment.offset, payload(*at));
            assert_eq!(segment.commitment.cid_v1(), commitment.cid_v1());
            assert_eq!(segment.commitment.payload_size(), payload(commitment.padded_size()));
        }
    }
}

#[test]
fn what_no_aggregate_could_have_is_refused() {
    let (size, root) = (1 << 16, [1; 32]);
    let index = index_place(size).unwrap();
    let refused = |entries: &[[Node; 2]]| found(size, piece(size, &[], entries)).unwrap_err();
    for (offset, bytes, why) in [
        (0, 0, "not a size"),
        (0, 127, "not a size"),
        (0, 1 << 63 | 128, "not a size"),
        (0, u64::MAX, "not a size"),
        (0, 1 << 63, "segments end before"),
        (0, size, "segments end before"),
        (index, 128, "segments end before"),
        (u64::MAX - 127, 128, "segments end before"),
        (128, 256, "not a multiple"),
        (64, 128, "not a multiple"),
    ] {
        let error = refused(&[entry(&root, offset, bytes)]);
        assert!(error.contains(why), "{offset} {bytes}: {error}");
    }
    for other in [(0, 512), (256, 256), (384, 128)] {
        let error = refused(&[entry(&root, 0, 512), entry(&[2; 32], other.0, other.1)]);
        assert!(error.contains("two segments in one place"), "{error}");
    }
    // The same one twice is one.
    let twice = piece(size, &[], &[entry(&root, 0, 512), entry(&root, 0, 512)]);
    assert_eq!(found(size, twice).unwrap().len(), 1);
}

#[test]
fn an_entry_without_its_checksum_is_unused() {
    for bit in [0, 300, 400, 505] {
        let mut wrong = entry(&[1; 32], 0, 512);
        wrong.as_flattened_mut()[bit / 8] ^= 1 << (bit % 8);
        let sound = entry(&[2; 32], 1024, 128);
        let segments = found(1 << 16, piece(1 << 16, &[], &[wrong, sound])).unwrap();
        assert_eq!(segments.iter().map(|segment| segment.offset).collect::<Vec<_>>(), [1016], "bit {bit}");
    }
}

#[test]
fn a_huge_piece_costs_no_memory() {
    // 2^58 leaves; the index would have 2^46 entries.
    let piece = Commitment::new([0; 32], 58, 1 << 60).unwrap();
    assert_eq!(segments("the piece", &piece, &Bytes(vec![1; 1000])).unwrap(), []);
    // The smallest pieces have no room for an index.
    assert_eq!((index_place(128), index_place(256), index_place(512)), (None, None, Some(256)));
    assert_eq!(index_place(32 << 30), Some((32 << 30) - (16 << 20)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2048), log in 7_u32..30) {
        let _ = found(1 << log, bytes);
    }

    #[test]
    fn any_entries_are_disjoint_segments_or_refused(
        entries in proptest::collection::vec((any::<[u8; 31]>(), 0_u64..1 << 15, 0_u32..12), 0..4)
    ) {
        let entry = |(root, offset, log): &([u8; 31], u64, u32)| {
            let root: Vec<u8> = root.iter().copied().chain([0]).collect();
            entry(&root.try_into().unwrap(), *offset / 128 * 128, 128 << log)
        };
        let entries: Vec<_> = entries.iter().map(entry).collect();
        if let Ok(segments) = found(1 << 16, piece(1 << 16, &[], &entries)) {
            for pair in segments.windows(2) {
                prop_assert!(pair[0].end() <= pair[1].offset);
            }
        }
    }
}
