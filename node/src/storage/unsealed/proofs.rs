//! What is known of copies that were checked before, as long as they have not changed: what is remembered of a copy holds
//! for its names, sizes, times of change and inodes.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bacalhau_runtime::HostFailure;
use cid::Cid;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex::Hex;

/// The memory: a directory with a small file for each copy.
#[derive(Debug)]
pub(super) struct Proofs {
    dir: PathBuf,
}

/// What is remembered.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    path: PathBuf,
    cid: String,
    /// What the copy looked like then.
    stamp: String,
    /// How it was proved, in words; `None` where it could not be.
    proof: Option<String>,
}

impl Proofs {
    /// Remembers in `dir`.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// What is known of the copy of `cid` at `path`, or what `prove` finds out.
    ///
    /// # Errors
    /// When the copy cannot be read. What cannot be written down is found out again the next time.
    pub(super) fn get_or(
        &self,
        path: &Path,
        cid: &Cid,
        prove: impl FnOnce() -> Result<Option<String>, HostFailure>,
    ) -> Result<Option<String>, HostFailure> {
        let stamp = stamp(path).map_err(|error| HostFailure::at("look at", path, error))?;
        let name = Hex(&Sha256::digest(format!("{cid} {}", path.display()))[..16]).to_string();
        let file = self.dir.join(name + ".json");
        let known = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Known>(&bytes).ok());
        if let Some(known) =
            known.filter(|known| known.stamp == stamp && known.cid == cid.to_string() && known.path == path)
        {
            return Ok(known.proof);
        }
        let proof = prove()?;
        let known = Known { path: path.into(), cid: cid.to_string(), stamp, proof };
        // A node that cannot write its directory says so where that matters.
        let _ = write(&self.dir, &file, &known);
        Ok(known.proof)
    }
}

fn write(dir: &Path, file: &Path, known: &Known) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let spool = tempfile::NamedTempFile::new_in(dir)?;
    serde_json::to_writer(&spool, known)?;
    spool.persist(file)?;
    Ok(())
}

/// Changes when a file or a name below `path` does.
fn stamp(path: &Path) -> io::Result<String> {
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
    use crate::cas::{Block, Code};

    #[test]
    fn what_was_proved_is_known_until_the_copy_changes() {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("copy");
        fs::create_dir_all(copy.join("sub")).unwrap();
        fs::write(copy.join("sub/a"), "1").unwrap();
        let [cid, other] = ["one", "other"].map(|text| *Block::of(Code::Raw, text).cid());
        let proofs = Proofs::new(dir.path().join("proofs"));
        let ask = |answer: Option<&str>| {
            let mut asked = false;
            let proof = proofs.get_or(&copy, &cid, || {
                asked = true;
                Ok(answer.map(str::to_owned))
            });
            (proof.unwrap(), asked)
        };
        assert_eq!(ask(Some("kubo-cidv1")), (Some("kubo-cidv1".into()), true));
        assert_eq!(ask(None), (Some("kubo-cidv1".into()), false));
        fs::write(copy.join("sub/b"), "2").unwrap();
        assert_eq!(ask(None), (None, true));
        assert_eq!(ask(Some("x")), (None, false), "that it could not be proved is known as well");
        let other = proofs.get_or(&copy, &other, || Ok(Some("y".into())));
        assert_eq!(other.unwrap(), Some("y".into()));
        assert!(proofs.get_or(&copy.join("gone"), &cid, || Ok(None)).is_err());
    }
}
