//! Errors of sharding, and what to change.

use bacalhau_tree::MAX_PATH_DEPTH;

use super::walk::MAX_LISTED;
use bacalhau_job::{InputSpec, MAX_SHARDS};

/// Why inputs cannot be split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardingError {
    /// An input is not there, or cannot be looked at.
    #[error("the input {source_text} cannot be listed for sharding: {why}")]
    Input {
        /// Its source as it was given.
        source_text: String,
        /// The reason.
        why: String,
    },
    /// The pattern is invalid.
    #[error("the sharding pattern {pattern:?} is invalid: {why}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The reason.
        why: String,
    },
    /// No entry matches.
    #[error(
        "no entry matches the sharding pattern {pattern:?} below {base:?}: {listed} entries were listed, {}; change \
         the pattern, which is relative to the base path, or the base path",
        examples(.first, .listed)
    )]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// The path from which on it counts.
        base: String,
        /// How many entries there are.
        listed: usize,
        /// The first of them, as the guest sees them.
        first: Vec<String>,
    },
    /// An input that no shard would have.
    #[error(
        "the input at {target} has nothing below the sharding base path {base}, so no shard would contain it: mount it \
         there, or choose a base path above it"
    )]
    Outside {
        /// Where the guest would see it.
        target: String,
        /// The base path.
        base: String,
    },
    /// More shards than a job may have.
    #[error(
        "{matches} matches in batches of {batch} are {shards} shards, and a job has {MAX_SHARDS} at most: choose a larger \
         batch size, or a pattern that matches directories"
    )]
    TooManyShards {
        /// Number of matches.
        matches: usize,
        /// The batch size.
        batch: usize,
        /// Number of shards.
        shards: usize,
    },
    /// More text than an announcement holds.
    #[error(
        "after {matches} matches the names of the shards' inputs are more than an announcement holds: choose a pattern that \
         matches directories instead of the files in them"
    )]
    TooLarge {
        /// Number of matches so far.
        matches: usize,
    },
    /// More entries than are looked at.
    #[error(
        "the inputs have more than {MAX_LISTED} entries, or are more than {MAX_PATH_DEPTH} directories deep: shard less of them"
    )]
    TooManyEntries,
    /// Two inputs in one shard of which one would hide the other.
    #[error(
        "{} and {} would be at {} and {} in one shard: give the inputs places of their own, or choose a smaller batch size",
        .a.source, .b.source, .a.target, .b.target
    )]
    Overlap {
        /// The first input.
        a: InputSpec,
        /// The second input.
        b: InputSpec,
    },
    /// A name that no source can be written with.
    #[error("{path:?} in {source_text} cannot be an input of its own: {why}")]
    Name {
        /// The path in the input.
        path: String,
        /// The input's source.
        source_text: String,
        /// The reason, and what to do.
        why: &'static str,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "fields of an error are handed over so")]
fn examples(first: &[String], listed: &usize) -> String {
    if first.is_empty() {
        return "since the job has no inputs".into();
    }
    let more = if *listed > first.len() { ", …" } else { "" };
    format!("such as {}{more}", first.join(", "))
}
