//! Fetches results of a job from its server and checks each shard against the voted hash.

use std::fs;
use std::path::Path;

use bacalhau_runtime::HostFailure;

use super::super::exit::{Exit, Failure};
use super::super::progress_output::Ui;
use super::super::save_results;
use bacalhau_api::ShardResult;
use bacalhau_api_client::ApiClient;
use bacalhau_cas::unixfs::Unpack;
use bacalhau_job::JobId;

/// Minimum length of a job id prefix that is accepted before a server is asked.
const SHORTEST_NAME: usize = 4;
/// Maximum length.
const LONGEST_NAME: usize = 32;

/// The results of a job's shards.
#[derive(Debug)]
pub(crate) struct Shards {
    /// Id of the job.
    pub(crate) job: JobId,
    /// `h1:` hash of each shard's results, or the reason why there are none.
    pub(crate) shards: Vec<Result<String, String>>,
}

/// Whether `text` may be a job id or a prefix of one.
pub(crate) fn is_name(text: &str) -> bool {
    let digits = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    digits && (SHORTEST_NAME..=LONGEST_NAME).contains(&text.len())
}

/// Fetches all results of the job `id` with their receipts to `dir`: of a single shard into `results`, of several into
/// `shards/N/results`. `bounds` returns the maximum size for a receipt.
///
/// # Errors
/// When there are no results, or not yet; when the server sends other results than those voted for.
pub(crate) fn fetch(
    client: &ApiClient,
    id: &str,
    dir: &Path,
    ui: &Ui,
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
        fs::create_dir_all(&own).map_err(|error| HostFailure::at("create the directory", &own, error))?;
        if several {
            ui.say(format!("fetching shard {index}"));
        }
        let (h1, _) = client.fetch_results(&job.to_string(), index, &own.join("results"), bounds(shard))?;
        check(shard, &h1)?;
        if let Some(receipt) = &shard.receipt {
            save_results::write_receipt(receipt, &own)?;
        }
        shards.push(Ok(h1));
    }
    if shards.iter().all(Result::is_err) {
        let job = job.short();
        return Err(if results.state.is_final() {
            Failure::new(
                Exit::NoVerdict,
                format!("the job has no results: it is {} (see bacalhau describe {job})", results.state),
            )
        } else {
            Failure::usage(format!("the job has no results yet: it is {} (see bacalhau describe {job})", results.state))
        });
    }
    Ok(Shards { job, shards })
}

/// Checks the server's record of a shard against its receipt and the received files.
fn check(shard: &ShardResult, h1: &str) -> Result<(), Failure> {
    let claimed = shard.receipt.as_ref().map(|receipt| &receipt.claim.h1);
    shard.h1.iter().chain(claimed).try_for_each(|expected| check_h1(expected, h1))
}

/// Compares the received hash with the voted one.
///
/// # Errors
/// When they differ.
pub(crate) fn check_h1(expected: &str, found: &str) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    let message =
        format!("the server sent results that differ from the vote: they have the hash {found}, not {expected}");
    Err(Failure::new(Exit::Host, message))
}

impl Shards {
    /// The exit code for the fetched part of the job.
    pub(crate) fn exit(&self) -> Exit {
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
