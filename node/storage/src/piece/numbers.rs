//! Numbers of pieces from a file, for copies that lie under the number of their sector: lines of a piece CID and a number.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bacalhau_cas::{
    Cid,
    piece::{Commitment, is_piece_v1, is_piece_v2},
};
use bacalhau_tree::HostFailure;

use super::super::unsealed::proofs::stamp;

/// Maximum size of the file in bytes: about 700,000 lines.
const MAX_BYTES: u64 = 64 << 20;

type Numbers = BTreeMap<[u8; 32], u64>;

/// Numbers by the roots of pieces. The file is read when it is first needed, and again when it has changed.
#[derive(Debug)]
pub struct PieceNumbers {
    path: PathBuf,
    /// The numbers, with the stamp of the file that they are from.
    known: Mutex<Option<(String, Arc<Numbers>)>>,
}

impl PieceNumbers {
    /// The numbers in the file at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::new(None) }
    }

    /// The number of `piece`, if the file has one.
    ///
    /// # Errors
    /// When the file cannot be read, is too large, or a line is not a piece CID and a number.
    pub(super) fn of(&self, piece: &Commitment) -> Result<Option<u64>, HostFailure> {
        let failed = |error| HostFailure::at("read the numbers of pieces in", &self.path, error);
        // Before it is read, so that a change meanwhile is noticed the next time.
        let now = stamp(&self.path).map_err(failed)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, numbers)) = known.filter(|(then, _)| *then == now) {
            return Ok(numbers.get(piece.root()).copied());
        }
        let numbers = Arc::new(read(&self.path).map_err(failed)?);
        let number = numbers.get(piece.root()).copied();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, numbers));
        Ok(number)
    }
}

fn read(path: &Path) -> io::Result<Numbers> {
    let file = File::open(path)?;
    if file.metadata()?.len() > MAX_BYTES {
        return Err(io::Error::other(format!("it has more than {MAX_BYTES} bytes")));
    }
    let mut numbers = Numbers::new();
    for (number, line) in (1..).zip(BufReader::new(file.take(MAX_BYTES)).lines()) {
        let line = line?;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why: &str| io::Error::other(format!("line {number}: {why}: write PIECE_CID NUMBER"));
        let (root, sector) = entry(line).map_err(wrong)?;
        if numbers.insert(root, sector).is_some_and(|other| other != sector) {
            return Err(wrong("the piece has another number already"));
        }
    }
    Ok(numbers)
}

fn entry(line: &str) -> Result<([u8; 32], u64), &'static str> {
    let mut words = line.split_whitespace();
    let (Some(cid), Some(number), None) = (words.next(), words.next(), words.next()) else {
        return Err("it is not two words");
    };
    let cid: Cid = cid.parse().map_err(|_| "the first word is not a CID")?;
    let root = if is_piece_v2(&cid) {
        Commitment::from_v2(&cid).ok().map(|piece| *piece.root())
    } else if is_piece_v1(&cid) {
        cid.hash().digest().try_into().ok()
    } else {
        None
    };
    let digits = number.bytes().all(|digit| digit.is_ascii_digit());
    let number = number.parse().ok().filter(|_| digits).ok_or("the second word is not a number")?;
    Ok((root.ok_or("the CID is not that of a piece")?, number))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn piece(bytes: &[u8]) -> Commitment {
        Commitment::of("it", bytes).unwrap()
    }

    #[test]
    fn both_kinds_of_cids_name_a_piece_and_changes_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("numbers");
        let numbers = PieceNumbers::new(path.clone());
        let (one, two) = (piece(&[1; 200]), piece(&[2; 200]));
        assert!(numbers.of(&one).unwrap_err().to_string().contains("numbers of pieces"));
        fs::write(&path, format!("# sectors\n\n{} 7\n  {}\t18446744073709551615 \n", one.cid_v1(), two.cid_v2()))
            .unwrap();
        assert_eq!((numbers.of(&one).unwrap(), numbers.of(&two).unwrap()), (Some(7), Some(u64::MAX)));
        assert_eq!(numbers.of(&piece(&[3; 200])).unwrap(), None);
        fs::write(&path, format!("{} 8\n{} 8", one.cid_v1(), one.cid_v2())).unwrap();
        assert_eq!((numbers.of(&one).unwrap(), numbers.of(&two).unwrap()), (Some(8), None));
    }

    #[test]
    fn lines_that_are_no_numbers_of_pieces_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("numbers");
        let cid = piece(&[1; 200]).cid_v1();
        for (text, why) in [
            (format!("{cid} 1\n{cid}"), "line 2: it is not two words"),
            (format!("{cid} 1 2"), "line 1: it is not two words"),
            ("piece 1".into(), "line 1: the first word is not a CID"),
            ("bafkqaaa 1".into(), "line 1: the CID is not that of a piece"),
            (format!("{cid} +1"), "line 1: the second word is not a number"),
            (format!("{cid} 18446744073709551616"), "line 1: the second word is not a number"),
            (format!("{cid} ../1"), "line 1: the second word is not a number"),
            (format!("{cid} 1\n\n{cid} 2"), "line 3: the piece has another number already"),
        ] {
            fs::write(&path, &text).unwrap();
            let error = PieceNumbers::new(path.clone()).of(&piece(&[1; 200])).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("write PIECE_CID NUMBER"), "{text}: {error}");
        }
        File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        let error = PieceNumbers::new(path).of(&piece(&[1; 200])).unwrap_err().to_string();
        assert!(error.contains("more than 67108864 bytes"), "{error}");
    }
}
