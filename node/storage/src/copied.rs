//! A copy of data that another process of the same operator has made and checked, for workers without their own access
//! to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_receipt::Checked;
use bacalhau_tree::{HostFailure, HostTree};

use super::{Combo, Opened, Source, Storage};

/// A file or directory.
#[derive(Debug)]
struct Copied(PathBuf);

/// Opens the copy at `path` as the data of `source`, with its identity.
///
/// # Errors
/// When the copy cannot be opened.
pub fn open_copy(source: &Source, path: &Path) -> Result<Opened, HostFailure> {
    let copied = Copied(path.to_path_buf());
    match source.clone().verified(false) {
        // Its identity is the CID and path, which the combination knows.
        cid @ Source::Cid(_) => Combo::new(vec![Arc::new(copied) as _]).open(&cid),
        other => copied.open(&other),
    }
}

impl Storage for Copied {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn has_locally(&self, _source: &Source) -> Result<bool, HostFailure> {
        self.0.try_exists().map_err(|error| HostFailure::at("look at", &self.0, error))
    }

    fn size(&self, _source: &Source) -> Result<Option<u64>, HostFailure> {
        Ok(None)
    }

    fn open(&self, _source: &Source) -> Result<Opened, HostFailure> {
        let tree = HostTree::open(&self.0).map_err(|error| HostFailure::at("open", &self.0, error))?;
        Ok(Opened::by(self.name(), self.0.display().to_string(), Checked::Trusted, Arc::new(tree)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bacalhau_tree::{Deadline, Tree as _};

    use super::*;

    #[test]
    fn a_copy_has_the_identity_of_its_source() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("0"), "hello").unwrap();
        let identity = |text: &str| {
            let opened = open_copy(&Source::parse(text).unwrap(), &dir.path().join("0")).unwrap();
            opened.tree.identity(&Deadline::never()).unwrap()
        };
        let cid = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        assert_eq!(identity(&format!("ipfs://{cid}/a/b")), format!("{cid}/a/b"));
        let file = HostTree::open(&dir.path().join("0")).unwrap();
        assert_eq!(identity("https://example.org/0"), file.identity(&Deadline::never()).unwrap());
    }
}
