//! A listed input, and the text form of its entries, which parses to the same entry.

use std::path::PathBuf;

use super::ShardingError;
use super::pattern::with_slash;
use bacalhau_job::InputSpec;
use bacalhau_storage::{CidSource, Source};

/// An input.
pub(super) struct Place {
    pub(super) source: Source,
    /// The source as it was given.
    text: String,
    /// Without a `/` at its end: empty for the root.
    target: String,
}

impl Place {
    pub(super) fn of(input: &InputSpec) -> Result<Self, ShardingError> {
        let target = with_slash(&input.target).trim_end_matches('/').to_owned();
        let wrong = |why: String| ShardingError::Input { source_text: input.source.clone(), why };
        let mut source = Source::parse(&input.source).map_err(|error| wrong(error.to_string()))?;
        if let Source::Cid(source) = &mut source {
            source.guest_path.clone_from(&target);
        }
        Ok(Self { source, text: input.source.clone(), target })
    }

    /// Whether there may be something in it: URLs and inline data are files.
    pub(super) fn may_be_dir(&self) -> bool {
        matches!(self.source, Source::Path(_) | Source::Cid(_) | Source::Object(_))
    }

    /// Guest path of the entry at `path`.
    pub(super) fn target(&self, path: &str) -> String {
        match path {
            "" if self.target.is_empty() => "/".into(),
            "" => self.target.clone(),
            path => format!("{}/{path}", self.target),
        }
    }

    /// Source of the entry at `path`.
    ///
    /// # Errors
    /// When it has no text form.
    pub(super) fn source(&self, path: &str) -> Result<String, ShardingError> {
        if path.is_empty() {
            return Ok(self.text.clone());
        }
        let wrong = |why| ShardingError::Name { path: path.into(), source_text: self.text.clone(), why };
        match &self.source {
            Source::Path(dir) => joined(dir.join(path)).ok_or_else(|| wrong("the path is not UTF-8: move the input")),
            Source::Cid(source) => Ok(by_cid(source, path)),
            Source::Object(url) => Ok(url.join(path).to_string()),
            Source::Url { .. } | Source::Inline(_) => Err(wrong("a file has no entries")),
        }
    }

    /// The input that could not be listed.
    pub(super) fn failed(&self, why: &str) -> ShardingError {
        ShardingError::Input { source_text: self.text.clone(), why: why.to_owned() }
    }
}

fn joined(path: PathBuf) -> Option<String> {
    path.into_os_string().into_string().ok()
}

/// The entry at `path` of a CID, with its options.
fn by_cid(source: &CidSource, path: &str) -> String {
    let mut found = source.clone();
    if !found.place.path.is_empty() {
        found.place.path.push('/');
    }
    found.place.path.push_str(path);
    found.to_string()
}
