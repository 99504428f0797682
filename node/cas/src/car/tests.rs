//! Archives of others, archives of our own, and archives of people who mean us harm: as a stream and as a file.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use multihash::Multihash;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Block, Cid, Code, DataError, LocalBlockstore, MAX_BLOCK_BYTES, RAW};

/// Written by `@ipld/car` 5.4.7: a directory by version 0, three raw blocks, one that stands in its CID, and the first raw one again.
const SMALL: &[u8] = include_bytes!("testdata/small.car");

fn read(bytes: &[u8]) -> Result<(Vec<Cid>, Vec<Block>), DataError> {
    let mut reader = CarReader::new("archive t.car", bytes)?;
    let blocks = reader.by_ref().collect::<Result<_, _>>()?;
    Ok((reader.roots().to_vec(), blocks))
}

fn written(roots: &[Cid], blocks: &[Block]) -> Vec<u8> {
    let mut writer = CarWriter::new(Vec::new(), roots).unwrap();
    for block in blocks {
        writer.write(block).unwrap();
    }
    writer.finish().unwrap()
}

fn v2(offset: u64, size: u64, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x0a\xa1gversion\x02".to_vec();
    bytes.extend([0; 16]);
    bytes.extend([offset, size, 0].iter().flat_map(|number| number.to_le_bytes()));
    bytes.extend(data);
    bytes
}

/// An archive in a directory of its own, and a place for its index.
struct Place {
    dir: TempDir,
}

impl Place {
    fn of(bytes: &[u8]) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(place.car(), bytes).unwrap();
        place
    }

    fn car(&self) -> PathBuf {
        self.dir.path().join("t.car")
    }

    fn open(&self) -> Result<CarFile, DataError> {
        CarFile::open(&self.car(), &self.dir.path().join("index"))
    }

    fn index(&self) -> PathBuf {
        let mut files = fs::read_dir(self.dir.path().join("index")).unwrap();
        let index = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none(), "there is one index and nothing left over");
        index
    }
}

fn blocks(count: usize) -> Vec<Block> {
    (0..count).map(|number| Block::of(Code::Raw, format!("{number} ").repeat(number % 40))).collect()
}

#[test]
fn what_others_write_is_read_and_written_alike() {
    let (roots, blocks) = read(SMALL).unwrap();
    assert_eq!(roots.len(), 2);
    assert_eq!(blocks.len(), 6);
    assert_eq!(blocks[1].bytes(), "hello world");
    assert_eq!(written(&roots, &blocks), SMALL);
    let wrapped = v2(51 + 9, SMALL.len() as u64, &[&[0; 9], SMALL, b"an index"].concat());
    for bytes in [SMALL.to_vec(), [SMALL, &[0; 10_000]].concat(), wrapped] {
        assert_eq!(read(&bytes).unwrap(), (roots.clone(), blocks.clone()));
        let file = Place::of(&bytes).open().unwrap();
        assert_eq!(file.roots(), roots);
        for block in &blocks {
            assert_eq!(file.find(block.cid()).unwrap().as_ref(), Some(block.bytes()));
            assert_eq!(file.size_of(block.cid()).unwrap(), Some(block.bytes().len() as u64));
        }
        assert_eq!(file.find(Block::of(Code::Raw, "elsewhere").cid()).unwrap(), None);
        assert_eq!(file.blocks(), 5);
    }
}

#[test]
fn every_cut_is_seen_but_those_between_sections() {
    let whole = read(SMALL).unwrap().1;
    let mut quiet = 0;
    for end in 0..SMALL.len() {
        let stream = read(&SMALL[..end]);
        match stream {
            Ok((_, blocks)) => {
                assert_eq!(blocks, whole[..blocks.len()]);
                Place::of(&SMALL[..end]).open().unwrap();
                quiet += 1;
            }
            Err(error) => {
                assert!(error.to_string().contains("archive t.car is malformed: it is truncated"), "{error}");
            }
        }
        let cut = v2(51, SMALL.len() as u64, &SMALL[..end]);
        assert!(read(&cut).unwrap_err().to_string().contains("truncated"), "version 2 knows its length");
    }
    for end in (0..SMALL.len()).step_by(20) {
        let file = Place::of(&SMALL[..end]).open().map_err(|error| error.to_string());
        assert_eq!(file.is_err_and(|error| error.contains("truncated")), read(&SMALL[..end]).is_err());
        let cut = v2(51, SMALL.len() as u64, &SMALL[..end]);
        assert!(Place::of(&cut).open().unwrap_err().to_string().contains("its data would end"));
    }
    assert_eq!(quiet, 6);
}

#[test]
fn what_is_wrong_with_an_archive_is_said() {
    let header = written(&[], &[]);
    let with = |section: &[u8]| [&header, section].concat();
    let table: [(Vec<u8>, &str); 17] = [
        (b"<html>no CAR here</html>".repeat(9), "is it a CAR"),
        (vec![0], "is it a CAR"),
        (vec![0xff; 20], "does not fit into 64 bits"),
        (vec![0xff, 0xff, 0xff, 0x7f], "is it a CAR"),
        (b"\x12\xa2eroots\x80gversion\x03\0".to_vec(), "is it a CAR"),
        (b"\x11\xa2eroots\x80gversion\x03".to_vec(), "version 3"),
        (b"\x0a\xa1gversion\x01".to_vec(), "no roots"),
        (v2(0, 0, SMALL), "incomplete"),
        (v2(3, 10, SMALL), "cannot be 10 bytes at byte 3"),
        (v2(u64::MAX, 10, SMALL), "cannot be"),
        (v2(1 << 40, 10, SMALL), "begins only at"),
        (v2(51, 1 << 20, &v2(51, 1, SMALL)), ""),
        (with(&[0xff; 12]), "does not fit into 64 bits"),
        (with(&[0xff, 0xff, 0xff, 0x7f]), "a section has 268435455 bytes"),
        (with(b"\0\x01"), "at byte 19, there is data behind a section of length 0"),
        (with(b"\x05\x01\x55\x12\x20\x01"), "does not begin with a CID"),
        (with(b"\x03abcd"), "does not begin with a CID"),
    ];
    for (bytes, why) in table {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("archive t.car"), "{error}: {why}");
        let error = Place::of(&bytes).open().unwrap_err().to_string();
        assert!(why.is_empty() || error.contains(why) || error.contains("its data would end"), "{error}: {why}");
    }
}

#[test]
fn a_block_that_is_not_that_of_its_cid_is_not_given_out() {
    let mut bytes = SMALL.to_vec();
    let at = bytes.windows(11).position(|window| window == b"hello world").unwrap();
    bytes[at] = b'j';
    assert!(read(&bytes).unwrap_err().to_string().contains("is corrupt"));
    let place = Place::of(&bytes);
    let file = place.open().unwrap();
    // It is there twice, and once as it should be.
    let hello = Block::of(Code::Raw, "hello world");
    assert_eq!(file.find(hello.cid()).unwrap().as_ref(), Some(hello.bytes()));
    let at = bytes.windows(11).rposition(|window| window == b"hello world").unwrap();
    bytes[at] = b'j';
    fs::write(place.car(), &bytes).unwrap();
    let error = place.open().unwrap().find(hello.cid()).unwrap_err();
    assert!(matches!(&error, DataError::Corrupt { cid, .. } if **cid == *hello.cid()), "{error}");
    assert!(error.to_string().contains("t.car has other bytes"), "{error}");
}

#[test]
fn blocks_of_unknown_hashes_do_no_harm_until_they_are_asked_for() {
    let alike = |number: u32| {
        let digest = [[7; 28].as_slice(), &number.to_be_bytes()].concat();
        Cid::new_v1(RAW, Multihash::wrap(0x1e, &digest).unwrap())
    };
    let hello = Block::of(Code::Raw, "hello world");
    let mut bytes = written(&[], std::slice::from_ref(&hello));
    for number in 0..100 {
        put_head(&mut bytes, &alike(number), 1);
        bytes.push(1);
    }
    let file = Place::of(&bytes).open().unwrap();
    assert!(file.find(hello.cid()).unwrap().is_some());
    assert!(matches!(file.find(&alike(0)), Err(DataError::Unsupported { .. })));
    assert!(file.find(&alike(1000)).unwrap().is_none(), "the hash begins alike");
    // Many hashes in one bucket, of which no honest archive has so many.
    for number in 0..5000_u32 {
        let digest = [[0; 4].as_slice(), &number.to_be_bytes(), &[0; 24]].concat();
        put_head(&mut bytes, &Cid::new_v1(RAW, Multihash::wrap(0x12, &digest).unwrap()), 0);
    }
    assert!(Place::of(&bytes).open().unwrap_err().to_string().contains("begin alike"));
}

#[test]
fn an_index_is_used_while_it_fits_and_is_never_believed() {
    let blocks = blocks(1000);
    let place = Place::of(&written(&[*blocks[0].cid()], &blocks));
    drop(place.open().unwrap());
    let index = place.index();
    let made = fs::metadata(&index).unwrap().modified().unwrap();
    drop(place.open().unwrap());
    assert_eq!(fs::metadata(&index).unwrap().modified().unwrap(), made, "it is not made twice");
    let all_found =
        |file: &CarFile| blocks.iter().all(|block| file.find(block.cid()).unwrap().as_ref() == Some(block.bytes()));
    let good = fs::read(&index).unwrap();
    for at in [0, 9, 47, 60, good.len() / 2, good.len() - 1] {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        fs::write(&index, &damaged).unwrap();
        assert!(all_found(&place.open().unwrap()), "byte {at}");
        assert_eq!(fs::read(&index).unwrap(), good, "byte {at}");
    }
    fs::write(&index, &good[..good.len() - 1]).unwrap();
    assert!(all_found(&place.open().unwrap()));
    // Another archive at the same path.
    fs::write(place.car(), written(&[], &blocks[..10])).unwrap();
    let file = place.open().unwrap();
    assert!(file.find(blocks[9].cid()).unwrap().is_some());
    assert!(file.find(blocks[900].cid()).unwrap().is_none());
}

#[test]
fn an_archive_that_changes_behind_its_index_is_found_out() {
    let blocks = blocks(100);
    let place = Place::of(&written(&[], &blocks));
    let file = place.open().unwrap();
    let modified = fs::metadata(place.car()).unwrap().modified().unwrap();
    let open = File::options().write(true).open(place.car()).unwrap();
    let len = open.metadata().unwrap().len();
    open.write_all_at(&vec![0xa5; usize::try_from(len).unwrap() - 40], 40).unwrap();
    // Not even by its time.
    open.set_times(FileTimes::new().set_modified(modified)).unwrap();
    for file in [file, place.open().unwrap()] {
        let error = file.find(blocks[70].cid()).unwrap_err();
        assert!(matches!(&error, DataError::Corrupt { .. }) && error.to_string().contains("changed"), "{error}");
    }
    let file = place.open().unwrap();
    open.set_len(100).unwrap();
    assert!(matches!(file.find(blocks[70].cid()), Err(DataError::Corrupt { .. })));
    open.set_times(FileTimes::new().set_modified(SystemTime::now() + Duration::from_secs(5))).unwrap();
    assert!(matches!(place.open(), Err(DataError::OutOfBounds { .. } | DataError::Malformed { .. })));
}

#[test]
fn what_is_no_file_is_no_archive() {
    let dir = tempfile::tempdir().unwrap();
    assert!(CarFile::open(dir.path(), dir.path()).unwrap_err().to_string().contains("is not a file"));
    assert!(CarFile::open(&dir.path().join("x.car"), dir.path()).unwrap_err().to_string().contains("x.car"));
}

#[test]
fn large_blocks_are_leapt_over_and_read() {
    let blocks: Vec<_> = (0..4_u8).map(|byte| Block::of(Code::Raw, vec![byte; MAX_BLOCK_BYTES])).collect();
    let bytes = written(&[], &blocks);
    assert_eq!(read(&bytes).unwrap().1, blocks);
    let file = Place::of(&bytes).open().unwrap();
    assert_eq!(file.find(blocks[3].cid()).unwrap().as_ref(), Some(blocks[3].bytes()));
}

/// Takes a byte at a time.
struct Trickle(Vec<u8>);

impl Write for Trickle {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend(bytes.first());
        Ok(bytes.len().min(1))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn behind_a_version_2_may_be_its_index_but_no_other_archive() {
    let sorted = [2_u32.to_le_bytes().as_slice(), &40_u32.to_le_bytes(), &80_u64.to_le_bytes(), &[9; 80]].concat();
    let sorted = [&sorted[..], &8_u32.to_le_bytes(), &0_u64.to_le_bytes()].concat();
    let by_function = [1_u32.to_le_bytes().as_slice(), &0x12_u64.to_le_bytes(), &sorted].concat();
    let indexed = |codec: &[u8], index: &[u8], behind: &[u8]| {
        let mut bytes = v2(51, SMALL.len() as u64, SMALL);
        let at = bytes.len() as u64 + 5;
        bytes[43..51].copy_from_slice(&at.to_le_bytes());
        [&bytes[..], &[0; 5], codec, index, behind].concat()
    };
    for (codec, index) in [(b"\x80\x08".as_slice(), &sorted), (b"\x81\x08", &by_function)] {
        for behind in [&b""[..], &vec![0; 100_000], b"whatever"] {
            let bytes = indexed(codec, index, behind);
            assert_eq!(read(&bytes).unwrap().1.len(), 6);
            assert_eq!(Place::of(&bytes).open().unwrap().blocks(), 5);
        }
        for zeros in [0, 100_000] {
            let bytes = indexed(codec, index, &[&vec![0; zeros], SMALL].concat());
            let at = bytes.len() - SMALL.len();
            for error in [read(&bytes).unwrap_err(), Place::of(&bytes).open().unwrap_err()] {
                assert!(matches!(error, DataError::Unsupported { .. }), "{error}");
                assert!(error.to_string().contains(&format!("another one begins at byte {at}")), "{error}");
            }
        }
    }
    // Without an index, within zeros, and one that is cut.
    let plain = [&v2(51, SMALL.len() as u64, SMALL)[..], &[0; 9], &v2(51, 1, SMALL)].concat();
    assert!(read(&plain).unwrap_err().to_string().contains("another one begins"));
    let padded = [SMALL, &[0; 70]].concat();
    let padded = [&v2(51, padded.len() as u64, &padded)[..], SMALL].concat();
    assert!(read(&padded).unwrap_err().to_string().contains("another one begins"));
    let cut = indexed(b"\x80\x08", &sorted[..30], b"");
    assert_eq!(read(&cut).unwrap().1.len(), 6);
}

#[test]
fn slow_sinks_get_everything() {
    let (roots, blocks) = read(SMALL).unwrap();
    let mut writer = CarWriter::new(Trickle(Vec::new()), &roots).unwrap();
    for block in &blocks {
        writer.write(block).unwrap();
    }
    assert_eq!(writer.finish().unwrap().0, SMALL);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let _ = read(&[written(&[], &[]), bytes].concat());
    }

    #[test]
    fn damage_is_never_given_out(at in 0..SMALL.len(), byte: u8) {
        let mut bytes = SMALL.to_vec();
        bytes[at] = byte;
        let reader = CarReader::new("t", &bytes[..]);
        for block in reader.into_iter().flatten().flatten() {
            prop_assert!(crate::check(block.cid(), block.bytes()).is_ok());
        }
    }

    #[test]
    fn archives_come_back(contents: Vec<Vec<u8>>, padding in 0_usize..100) {
        let blocks: Vec<_> = contents.into_iter().map(|bytes| Block::of(Code::Raw, bytes)).collect();
        let roots: Vec<_> = blocks.iter().take(3).map(|block| *block.cid()).collect();
        let mut bytes = written(&roots, &blocks);
        bytes.resize(bytes.len() + padding, 0);
        prop_assert_eq!(read(&bytes).unwrap(), (roots, blocks));
    }
}
