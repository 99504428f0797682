//! Stored results of checked copies, valid while names, sizes, modification times and inodes are unchanged.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bacalhau_tree::HostFailure;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use bacalhau_cas::{Cid, RAW};
use bacalhau_files::{private, temporary};
use bacalhau_values::hex::Hex;

/// The memory: a directory with a small file for each copy.
#[derive(Debug)]
pub(crate) struct Proofs {
    dir: PathBuf,
}

/// A stored result.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    path: PathBuf,
    cid: String,
    /// Stamp of the copy at the check.
    stamp: String,
    /// How it was proved, in words; `None` where it could not be.
    proof: Option<String>,
    /// The difference, if it was disproved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disproof: Option<String>,
    /// Whether there were blocks to compare it with.
    #[serde(default)]
    compared: bool,
}

/// Result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is the data, which was shown in this way.
    Proved(String),
    /// It is something else.
    Disproved(String),
    /// Neither proved nor disproved.
    Open,
}

impl Known {
    fn found(self) -> Found {
        match self {
            Self { disproof: Some(why), .. } => Found::Disproved(why),
            Self { proof: Some(how), .. } => Found::Proved(how),
            _ => Found::Open,
        }
    }
}

impl Proofs {
    /// Results stored in `dir`.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The stored result for the copy of `cid` at `path`, if unchanged.
    ///
    /// # Errors
    /// When the copy cannot be read.
    pub(crate) fn known(&self, path: &Path, cid: &Cid) -> Result<Option<Found>, HostFailure> {
        Ok(self.read(path, cid)?.1.map(Known::found))
    }

    /// The stored result, or that of `prove`. `compared` tells whether there are blocks to compare with: inconclusive
    /// results without them are repeated.
    ///
    /// # Errors
    /// When the copy cannot be read. If the result cannot be stored, the check is repeated next time.
    pub(crate) fn get_or(
        &self,
        path: &Path,
        cid: &Cid,
        compared: bool,
        prove: impl FnOnce() -> Result<Found, HostFailure>,
    ) -> Result<Found, HostFailure> {
        let (stamp, known) = self.read(path, cid)?;
        // Plain bytes are always conclusive; other stored results are from an earlier version.
        let is_open = |known: &Known| known.proof.is_none() && known.disproof.is_none();
        let is_stale = |known: &Known| is_open(known) && (cid.codec() == RAW || compared && !known.compared);
        if let Some(known) = known.filter(|known| !is_stale(known)) {
            return Ok(known.found());
        }
        let found = prove()?;
        let (proof, disproof) = match &found {
            Found::Proved(how) => (Some(how.clone()), None),
            Found::Disproved(why) => (None, Some(why.clone())),
            Found::Open => (None, None),
        };
        let known = Known { path: path.into(), cid: cid.to_string(), stamp, proof, disproof, compared };
        // A failure to write is reported elsewhere.
        let _ = write(&self.dir, &self.file(path, cid), &known);
        Ok(found)
    }

    /// The stamp of the copy, and the stored result with this stamp.
    fn read(&self, path: &Path, cid: &Cid) -> Result<(String, Option<Known>), HostFailure> {
        let stamp = stamp(path).map_err(|error| HostFailure::at("look at", path, error))?;
        let bytes = fs::read(self.file(path, cid)).ok();
        let known = bytes.and_then(|bytes| serde_json::from_slice::<Known>(&bytes).ok());
        let known = known.filter(|known| known.stamp == stamp && known.cid == cid.to_string() && known.path == path);
        Ok((stamp, known))
    }

    fn file(&self, path: &Path, cid: &Cid) -> PathBuf {
        let name = Hex(&Sha256::digest(format!("{cid} {}", path.display()))[..16]).to_string();
        self.dir.join(name + ".json")
    }
}

fn write(dir: &Path, file: &Path, known: &Known) -> io::Result<()> {
    private::create_dir_all(dir)?;
    let mut spool = temporary::file_in(dir)?;
    serde_json::to_writer(&mut spool, known)?;
    spool.persist(file)
}

/// Changes when a file or a name below `path` does.
pub(crate) fn stamp(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut pending = vec![path.to_path_buf()];
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path)?;
        let numbers = [
            metadata.ino(),
            metadata.len(),
            metadata.mtime().cast_unsigned(),
            metadata.mtime_nsec().cast_unsigned(),
            metadata.ctime().cast_unsigned(),
            metadata.ctime_nsec().cast_unsigned(),
        ];
        hasher.update(path.as_os_str().as_encoded_bytes());
        hasher.update([0]);
        for number in numbers {
            hasher.update(number.to_le_bytes());
        }
        if metadata.is_dir() {
            let mut names = fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
            names.sort_unstable();
            pending.append(&mut names);
        }
    }
    Ok(Hex(&hasher.finalize()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_cas::{Block, Code};

    #[test]
    fn what_was_found_out_is_known_until_the_copy_changes() {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("copy");
        fs::create_dir_all(copy.join("sub")).unwrap();
        fs::write(copy.join("sub/a"), "1").unwrap();
        let [cid, other] = ["one", "other"].map(|text| *Block::of(Code::DagPb, text).cid());
        let proofs = Proofs::new(dir.path().join("proofs"));
        let ask = |compared: bool, answer: &Found| {
            let mut asked = false;
            let found = proofs.get_or(&copy, &cid, compared, || {
                asked = true;
                Ok(answer.clone())
            });
            (found.unwrap(), asked)
        };
        let [proved, disproved] = [Found::Proved("kubo-cidv1".into()), Found::Disproved("it is a file".into())];
        assert_eq!(proofs.known(&copy, &cid).unwrap(), None);
        assert_eq!(ask(false, &proved), (proved.clone(), true));
        assert_eq!(ask(true, &Found::Open), (proved.clone(), false));
        assert_eq!(proofs.known(&copy, &cid).unwrap(), Some(proved));
        fs::write(copy.join("sub/b"), "2").unwrap();
        assert_eq!(ask(false, &Found::Open), (Found::Open, true));
        assert_eq!(ask(false, &disproved), (Found::Open, false), "that nobody can tell is known as well");
        assert_eq!(ask(true, &disproved), (disproved.clone(), true), "but not where there are blocks by now");
        assert_eq!(ask(true, &Found::Open), (disproved, false));
        let other = proofs.get_or(&copy, &other, false, || Ok(Found::Proved("y".into())));
        assert_eq!(other.unwrap(), Found::Proved("y".into()));
        let error = proofs.get_or(&copy.join("gone"), &cid, false, || Ok(Found::Open)).unwrap_err().to_string();
        assert!(error.contains("gone"), "{error}");
    }

    #[test]
    fn what_was_written_before_disproofs_counts_but_for_plain_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("copy");
        fs::write(&copy, "1").unwrap();
        let proofs = Proofs::new(dir.path().join("proofs"));
        for (code, kept) in [(Code::DagPb, true), (Code::Raw, false)] {
            let cid = *Block::of(code, "one").cid();
            let old = serde_json::json!({
                "path": copy, "cid": cid.to_string(), "stamp": stamp(&copy).unwrap(), "proof": null,
            });
            fs::create_dir_all(dir.path().join("proofs")).unwrap();
            fs::write(proofs.file(&copy, &cid), old.to_string()).unwrap();
            let wrong = Found::Disproved("it is a file".into());
            let found = proofs.get_or(&copy, &cid, false, || Ok(wrong.clone())).unwrap();
            assert_eq!(found, if kept { Found::Open } else { wrong });
        }
    }
}
