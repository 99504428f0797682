//! Publishes results in a directory of this machine, named by hash, for a web server or `bacalhau ipfs serve --http`.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bacalhau_receipt::Publication;
use bacalhau_tree::{HostFailure, HostTree};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Finished, Publisher, check, directories};
use bacalhau_cas::unixfs::Unpack;
use bacalhau_files::temporary;
use bacalhau_values::hex::Hex;

/// The publisher `local`.
#[derive(Debug)]
pub struct LocalPublisher {
    dir: PathBuf,
    url: Option<String>,
}

impl LocalPublisher {
    /// Publishes to `dir`, which is served at `url` if known.
    pub fn new(dir: PathBuf, url: Option<String>) -> Self {
        Self { dir, url }
    }
}

impl Publisher for LocalPublisher {
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure> {
        self.copy_in(results.dir, results.h1)
    }
}

impl LocalPublisher {
    fn copy_in(&self, results: &Path, h1: &str) -> Result<Publication, HostFailure> {
        check(results, h1)?;
        let empty = directories::published(results)?;
        let name = name_of(h1, empty.as_deref())?;
        let target = self.dir.join(&name);
        let failed = |error: io::Error| HostFailure::at("publish to", &target, error);
        if !self.dir.exists() {
            fs::create_dir_all(&self.dir).and_then(|()| make_public(&self.dir)).map_err(failed)?;
        }
        if target.join("results").exists() {
            check(&target.join("results"), h1)?;
        } else {
            copy(results, &self.dir, &target, h1, empty.as_deref())?;
        }
        let mut places = vec![format!("{}/results", target.display())];
        places.extend(self.url.iter().map(|url| format!("{}/{name}/results", url.trim_end_matches('/'))));
        Ok(Publication { publisher: "local".into(), places, ..Publication::default() })
    }
}

/// Copies to a hidden directory, checks the copy, and renames it.
fn copy(results: &Path, dir: &Path, target: &Path, h1: &str, empty: Option<&[u8]>) -> Result<(), HostFailure> {
    let failed = |error: io::Error| HostFailure::at("publish to", target, error);
    let staging = temporary::dir_in(dir).map_err(failed)?;
    let finished = staging.path().join("finished");
    fs::create_dir(&finished).map_err(failed)?;
    let tree = HostTree::open(results).map_err(failed)?;
    let copied = finished.join("results");
    Unpack::default().write(&tree, &copied, &mut |_| ()).map_err(|error| failed(error.into()))?;
    check(&copied, h1)?;
    if let Some(empty) = empty {
        fs::write(finished.join(directories::NAME), empty).map_err(failed)?;
    }
    make_public(&finished).map_err(failed)?;
    match fs::rename(&finished, target) {
        // Another process published the same.
        Err(_) if target.join("results").exists() => Ok(()),
        renamed => renamed.map_err(failed),
    }
}

/// Makes the files below `path` readable for all users, because another user's web server may serve them.
fn make_public(path: &Path) -> io::Result<()> {
    let is_dir = fs::symlink_metadata(path)?.is_dir();
    fs::set_permissions(path, Permissions::from_mode(if is_dir { 0o755 } else { 0o644 }))?;
    if is_dir {
        for entry in fs::read_dir(path)? {
            make_public(&entry?.path())?;
        }
    }
    Ok(())
}

/// The hash for paths and URLs: the 64 hexadecimal digits of its SHA-256. Results with empty directories, listed in
/// `empty`, differ: the first 16 digits of the list's SHA-256 are appended.
pub(crate) fn name_of(h1: &str, empty: Option<&[u8]>) -> Result<String, HostFailure> {
    let digest = h1.strip_prefix("h1:").and_then(|text| STANDARD.decode(text).ok());
    let digest = digest.ok_or_else(|| HostFailure::new(format!("{h1} is not a hash of results")))?;
    let name = Hex(&digest).to_string();
    Ok(empty.map_or(name.clone(), |empty| format!("{name}-{}", Hex(&Sha256::digest(empty)[..8]))))
}

#[cfg(test)]
mod tests {
    use bacalhau_tree::dirhash;

    use super::*;

    #[test]
    fn results_are_published_under_their_hash_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let results = dir.path().join("out");
        fs::create_dir_all(results.join("outputs")).unwrap();
        fs::write(results.join("stdout"), "hello\n").unwrap();
        fs::write(results.join("outputs/a"), "1").unwrap();
        let h1 = dirhash::hash_dir(&results, "results").unwrap().h1;
        let publisher = LocalPublisher::new(dir.path().join("pub"), Some("http://host:1/".into()));
        let first = publisher.copy_in(&results, &h1).unwrap();
        let name = name_of(&h1, None).unwrap();
        assert_eq!(first.places[1], format!("http://host:1/{name}/results"));
        assert_eq!(fs::read_to_string(dir.path().join("pub").join(&name).join("results/outputs/a")).unwrap(), "1");
        assert_eq!(publisher.copy_in(&results, &h1).unwrap(), first, "a second time is no harm");
        fs::write(results.join("stdout"), "changed\n").unwrap();
        assert!(publisher.copy_in(&results, &h1).unwrap_err().to_string().contains("nothing was published"));
        assert_eq!(fs::read_dir(dir.path().join("pub")).unwrap().count(), 1);
    }

    #[test]
    fn results_that_differ_by_empty_directories_are_published_apart() {
        let dir = tempfile::tempdir().unwrap();
        let results = dir.path().join("out");
        fs::create_dir_all(results.join("outputs/.e")).unwrap();
        fs::write(results.join("stdout"), "hello\n").unwrap();
        let h1 = dirhash::hash_dir(&results, "results").unwrap().h1;
        let publisher = LocalPublisher::new(dir.path().join("pub"), None);
        let with = publisher.copy_in(&results, &h1).unwrap();
        fs::remove_dir(results.join("outputs/.e")).unwrap();
        let other = publisher.copy_in(&results, &h1).unwrap();
        fs::remove_dir(results.join("outputs")).unwrap();
        let without = publisher.copy_in(&results, &h1).unwrap();
        let places: Vec<&Path> = [&with, &other, &without].map(|it| Path::new(&it.places[0])).to_vec();
        assert_eq!(directories::empty(places[0]).unwrap(), ["outputs/.e"]);
        assert_eq!(directories::empty(places[1]).unwrap(), ["outputs"]);
        assert!(directories::empty(places[2]).unwrap().is_empty());
        let list = fs::read(places[0].with_file_name(directories::NAME)).unwrap();
        assert_eq!(list, br#"["outputs/.e"]"#);
    }
}
