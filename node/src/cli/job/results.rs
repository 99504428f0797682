//! Results of a job from the server that has them, each shard checked against the hash that was voted for.

use std::fs;
use std::path::Path;

use bacalhau_runtime::HostFailure;

use super::super::exit::{Exit, Failure};
use super::super::keep;
use super::super::talk::Talk;
use crate::api::{ApiClient, ShardResult};
use crate::cas::unixfs::Unpack;
use crate::job::JobId;

/// Characters of the shortest name of a job that is taken for one where no server was asked yet.
const SHORTEST_NAME: usize = 4;
/// Of the longest.
const LONGEST_NAME: usize = 32;

/// What came of a job's shards.
#[derive(Debug)]
pub(in crate::cli) struct Shards {
    /// The job.
    pub(in crate::cli) job: JobId,
    /// The hash of each shard's results, by its number; `None` where there are none, and why.
    pub(in crate::cli) shards: Vec<Result<String, String>>,
}

/// Whether `text` could be the name of a job, or the beginning of one.
pub(in crate::cli) fn is_name(text: &str) -> bool {
    let digits = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    digits && (SHORTEST_NAME..=LONGEST_NAME).contains(&text.len())
}

/// Fetches all results of the job `id` to `dir`, with their receipts: of a single shard into `results`, of several
/// into `shards/N/results`. `bounds` says how much the results of a receipt may be.
///
/// # Errors
/// When there are none, or not yet; when the server has something else than was voted for.
pub(in crate::cli) fn fetch(
    client: &ApiClient,
    id: &str,
    dir: &Path,
    talk: &Talk,
    bounds: impl Fn(&ShardResult) -> Unpack,
) -> Result<Shards, Failure> {
    let results = client.results(id)?;
    let job = results.job;
    let several = results.shards.len() > 1;
    let mut shards = Vec::new();
    for (index, shard) in (0_u32..).zip(&results.shards) {
        if shard.archive.is_none() {
            shards.push(Err(shard.state.to_string()));
            continue;
        }
        let own = if several { dir.join("shards").join(index.to_string()) } else { dir.to_path_buf() };
        fs::create_dir_all(&own).map_err(|error| HostFailure::at("make the directory", &own, error))?;
        if several {
            talk.say(format!("fetching shard {index}"));
        }
        let (h1, _) = client.fetch_results(&job.to_string(), index, &own.join("results"), bounds(shard))?;
        check(shard, &h1)?;
        if let Some(receipt) = &shard.receipt {
            keep::write_receipt(receipt, &own)?;
        }
        shards.push(Ok(h1));
    }
    if shards.iter().all(Result::is_err) {
        let job = job.short();
        return Err(if results.state.is_final() {
            Failure {
                exit: Exit::NoVerdict,
                message: format!("the job has no results: it is {} (see bacalhau describe {job})", results.state),
            }
        } else {
            Failure::usage(format!("the job has no results yet: it is {} (see bacalhau describe {job})", results.state))
        });
    }
    Ok(Shards { job, shards })
}

/// What the server says of a shard must be true of its own receipt and of what it sent.
fn check(shard: &ShardResult, h1: &str) -> Result<(), Failure> {
    let claimed = shard.receipt.as_ref().map(|receipt| &receipt.claim.h1);
    shard.h1.iter().chain(claimed).try_for_each(|expected| check_h1(expected, h1))
}

/// What a server sent must be what was voted for.
///
/// # Errors
/// When it is not.
pub(in crate::cli) fn check_h1(expected: &str, found: &str) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    let message =
        format!("the server sent other results than were voted for: they have the hash {found}, not {expected}");
    Err(Failure { exit: Exit::Host, message })
}

impl Shards {
    /// The exit code that says how much of the job there is.
    pub(in crate::cli) fn exit(&self) -> Exit {
        if self.shards.iter().all(Result::is_ok) { Exit::Success } else { Exit::NoVerdict }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_jobs_are_told_from_other_things() {
        for name in ["jkxe5v2q", "abcd", &"a".repeat(32)] {
            assert!(is_name(name), "{name}");
        }
        for other in ["abc", "receipt.json", "Abcd", "abc1", "dir/abcd", &"a".repeat(33)] {
            assert!(!is_name(other), "{other}");
        }
    }
}
