//! Any range of a piece is what was committed to, or an error that says where it is not.

use std::sync::Mutex;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::Cid;
use crate::piece::tests::pattern;

/// Bytes that can be changed while they are read.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl ReadAt for Bytes {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.0.lock().unwrap();
        let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

fn open(bytes: &[u8], piece: Commitment) -> (CheckedPiece, Bytes) {
    let layer = Layer::read("bytes", bytes, &piece).unwrap();
    let layer = Layer::decode(&layer.encode(), &piece).expect("it is that of the piece");
    let source = Bytes(Arc::new(Mutex::new(bytes.to_vec())));
    (CheckedPiece::new("the piece".into(), piece, layer, Arc::new(source.clone())).unwrap(), source)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_range_is_a_slice_and_a_flipped_bit_is_found(
        size in prop_oneof![65_u32..2000, 1_000_000..3_200_000_u32], zeros in 0_usize..300_000,
        from: Index, len: Index, flipped: Index, bit in 0..8, larger in 0..3_u8
    ) {
        let mut bytes = pattern(size);
        let middle = bytes.len() / 2;
        let end = (middle + zeros).min(bytes.len());
        bytes[middle..end].fill(0);
        let piece = Commitment::of("bytes", &bytes[..]).unwrap();
        // As a part of a larger piece of zeros, of which only the payload is read.
        let mut whole = bytes.clone();
        whole.resize(whole.len() << larger, 0);
        let piece = if larger == 0 { piece } else { Commitment::of("bytes", &whole[..]).unwrap() };
        let (checked, source) = open(&bytes, piece);
        let (from, len) = (from.index(whole.len() + 9), len.index(whole.len()));
        let expected = whole.get(from..(from + len).min(whole.len())).unwrap_or_default();
        let mut read = vec![7; len];
        let count = checked.read_at(&mut read, from as u64).unwrap();
        prop_assert!(&read[..count] == expected);
        prop_assert!(count == read.len() || from + count >= whole.len());
        // Another reader of the same bytes.
        let (checked, _) = open(&bytes, piece);
        let spoiled = flipped.index(bytes.len());
        source.0.lock().unwrap()[spoiled] ^= 1_u8 << bit;
        let wrong = CheckedPiece { source: Arc::new(source), recent: Mutex::default(), ..checked };
        // Parts of zeros are not read at all.
        let mut byte = [0];
        match wrong.read_at(&mut byte, spoiled as u64) {
            Err(error) => prop_assert!(error.to_string().contains("the piece is malformed: bytes "), "{}", error),
            Ok(_) => prop_assert!(byte[0] == bytes[spoiled]),
        }
    }
}

#[test]
fn an_error_names_the_part_and_what_was_found() {
    let bytes = pattern(2_500_000);
    let piece = Commitment::of("bytes", &bytes[..]).unwrap();
    let (checked, source) = open(&bytes, piece);
    source.0.lock().unwrap()[1_040_384] ^= 1;
    let mut buffer = [0; 10];
    assert_eq!(checked.read_at(&mut buffer, 1_000_000).unwrap(), 10, "other parts are read");
    let error = checked.read_at(&mut buffer, 2_000_000).unwrap_err().to_string();
    assert!(error.starts_with("the piece is malformed: bytes 1040384 to 2080768 have the hash "), "{error}");
    assert!(error.contains(", and the piece "), "{error}");
}

#[test]
fn vectors_of_frc_0069() {
    let parts =
        |counts: &[(u8, usize)]| counts.iter().flat_map(|(byte, count)| vec![*byte; *count]).collect::<Vec<_>>();
    let four = [(0, 127), (1, 127), (2, 127), (3, 127)];
    for (bytes, cid) in [
        (parts(&four), "bafkzcibcaaces3nobte6ezpp4wqan2age2s5yxcatzotcvobhgcmv5wi2xh5mbi"),
        (vec![0; 127], "bafkzcibcaabdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy"),
        (vec![0; 128], "bafkzcibcpybwiktap34inmaex4wbs6cghlq5i2j2yd2bb2zndn5ep7ralzphkdy"),
        (parts(&[&four[..], &[(0, 508)]].concat()), "bafkzcibcaac542av3szurbbscwuu3zjssvfwbpsvbjf6y3tukvlgl2nf5rha6pa"),
        (parts(&[&four[..], &[(0, 4)]].concat()), "bafkzcibd7abqlxticxolgseegik2stpfgkkuwyf6kufex3doorkvmzpjuxwe4dz4"),
        (parts(&[&four[..], &[(0, 5)]].concat()), "bafkzcibd64bqlxticxolgseegik2stpfgkkuwyf6kufex3doorkvmzpjuxwe4dz4"),
    ] {
        let piece = Commitment::from_v2(&cid.parse::<Cid>().unwrap()).unwrap();
        assert_eq!((piece.payload_size(), Commitment::of("bytes", &bytes[..]).unwrap()), (bytes.len() as u64, piece));
        // Also from a copy without the zeros at its end.
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let mut read = vec![9; bytes.len() + 5];
        let count = open(&bytes[..end], piece).0.read_at(&mut read, 0).unwrap();
        assert!(read[..count] == bytes, "{cid}");
    }
    // 32 and 64 GiB of zeros.
    for cid in [
        "bafkzcibcaapao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq",
        "bafkzcibcaap6mqafu276g53zko4k23xzh4h4uecjwicbmvhsuqi7o4bhthhm4aq",
    ] {
        let piece = Commitment::from_v2(&cid.parse::<Cid>().unwrap()).unwrap();
        let mut read = [9; 100];
        assert_eq!(open(&[], piece).0.read_at(&mut read, piece.payload_size() - 60).unwrap(), 60);
        assert_eq!(read[..60], [0; 60]);
    }
}

#[test]
fn a_kept_tree_of_another_piece_or_a_damaged_one_is_none() {
    let bytes = pattern(2_500_000);
    let piece = Commitment::of("bytes", &bytes[..]).unwrap();
    let other = Commitment::of("bytes", &bytes[1..]).unwrap();
    let layer = Layer::read("bytes", &bytes[..], &piece).unwrap();
    assert_eq!((layer.is_of(&piece), layer.is_of(&other)), (true, false));
    let encoded = layer.encode();
    assert_eq!(Layer::decode(&encoded, &piece).as_ref(), Some(&layer));
    assert_eq!(Layer::decode(&encoded, &other), None);
    for at in 0..encoded.len() {
        let mut wrong = encoded.clone();
        wrong[at] ^= 4;
        assert_eq!(Layer::decode(&wrong, &piece), None, "byte {at}");
        assert_eq!(Layer::decode(&encoded[..at], &piece), None, "{at} bytes");
    }
    let spoiled = Layer::read("bytes", &[&bytes[..2_000_000], &[1], &bytes[2_000_001..]].concat()[..], &piece).unwrap();
    assert_eq!((spoiled.is_of(&piece), layer.first_difference(&spoiled)), (false, Some(1)));
    let huge = Commitment::new([0; 32], 58, 1 << 60).unwrap();
    assert!(!Layer::read("bytes", &bytes[..], &huge).unwrap().is_of(&huge), "a lying size costs nothing");
}
