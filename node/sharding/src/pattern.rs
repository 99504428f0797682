//! The pattern and its base path. `*` and `?` stay within a name, `**` crosses directories and may match none, `{a,b}`
//! is either, `[a-z]` one of a range. `?` and ranges match one byte of UTF-8.

use globset::{GlobBuilder, GlobMatcher};

use super::ShardingError;

/// A pattern below a base path.
pub(super) struct Pattern {
    /// With a `/` at its beginning and none at its end: empty for the root.
    base: String,
    glob: GlobMatcher,
    /// For `/a/**`: `/a`, which it matches too.
    above: Option<GlobMatcher>,
}

impl Pattern {
    pub(super) fn new(pattern: &str, base: &str) -> Result<Self, ShardingError> {
        let pattern = with_slash(pattern);
        let above = pattern.strip_suffix("/**").filter(|above| !above.is_empty()).map(matcher).transpose()?;
        let base = with_slash(base.trim_end_matches('/'));
        let base = if base == "/" { String::new() } else { base };
        Ok(Self { base, glob: matcher(&pattern)?, above })
    }

    pub(super) fn base(&self) -> &str {
        if self.base.is_empty() { "/" } else { &self.base }
    }

    /// The part of `path` after the base path, which the pattern is matched against. `None` if it is not below it.
    pub(super) fn remainder<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&self.base).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether it matches. The base path itself does not: no pattern begins before it.
    pub(super) fn matches(&self, remainder: &str) -> bool {
        let matched = |glob: &GlobMatcher| glob.is_match(remainder);
        !matches!(remainder, "" | "/") && (matched(&self.glob) || self.above.as_ref().is_some_and(matched))
    }
}

fn matcher(pattern: &str) -> Result<GlobMatcher, ShardingError> {
    let built = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build();
    let glob =
        built.map_err(|error| ShardingError::Pattern { pattern: pattern.into(), why: error.kind().to_string() })?;
    Ok(glob.compile_matcher())
}

/// `text` with a `/` at its beginning.
pub(super) fn with_slash(text: &str) -> String {
    if text.starts_with('/') { text.into() } else { format!("/{text}") }
}
