//! Flags of Bacalhau 0.3 that this program does not have: what to write now. Flags that do the same under their old
//! names are aliases where they are declared.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags with advice.
const FLAGS: [(&str, &str); 18] = [
    ("--local", "without --api-host, nodes of this process run the job: leave it out"),
    ("--gettimeout", "downloads have no time-out as a whole: leave it out"),
    ("--download-timeout-secs", "downloads have no time-out as a whole: leave it out"),
    ("--ipfs-swarm-addrs", "name the peers that have the data with --ipfs-connect"),
    ("--ipfs-connect-addrs", "name the peers that have the data with --ipfs-connect"),
    ("--import-module-urls", "link the modules into one (wasm-merge), and run that"),
    ("--import-module-volumes", "link the modules into one (wasm-merge), and run that"),
    ("-U", "link the modules into one (wasm-merge), and run that"),
    ("-I", "link the modules into one (wasm-merge), and run that"),
    ("--gpu", "no node runs jobs on GPUs: leave it out"),
    ("--network", "jobs have no network: leave it out for `none`, and pass data with --input"),
    ("--domain", "jobs have no network: pass data with --input"),
    ("--skip-syntax-checking", "the syntax of shell scripts is not checked: leave it out"),
    ("--node-details", "see the nodes of a job with `bacalhau describe ID`"),
    ("--include-events", "see the events of a job with `bacalhau job history ID`"),
    ("--noop", "`devstack` always runs programs: leave it out"),
    ("--private-internal-ipfs", "each node has a block store of its own: leave it out"),
    ("--estuary-api-key", "set BACALHAU_ESTUARY_TOKEN, or estuary.token_file in the configuration"),
];

/// What to write instead of the flag that `error` is about, if it is one of Bacalhau 0.3.
pub(super) fn advice(error: &Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return None };
    let name = given.split('=').next()?;
    let (flag, advice) = FLAGS.into_iter().find(|(flag, _)| *flag == name)?;
    Some(format!("{flag} was a flag of Bacalhau 0.3; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cli;
    use clap::CommandFactory as _;

    fn advice_for(line: &str) -> Option<String> {
        let words = std::iter::once("bacalhau").chain(line.split_whitespace());
        Cli::command().try_get_matches_from(words).err().and_then(|error| advice(&error))
    }

    #[test]
    fn flags_of_0_3_are_named_with_what_to_write_now() {
        for (line, says) in [
            ("wasm run --local x.wasm", "--api-host"),
            ("wasm run -U http://x x.wasm", "wasm-merge"),
            ("docker run --gpu 1 image", "GPUs"),
            ("docker run --network=none image", "have no network"),
            ("get --download-timeout-secs 4 x", "leave it out"),
            ("describe --include-events x", "job history"),
            ("devstack --noop", "leave it out"),
        ] {
            let advice = advice_for(line).unwrap_or_else(|| panic!("{line} has no advice"));
            assert!(advice.contains(says) && advice.contains("0.3"), "{line}: {advice}");
        }
        assert_eq!(advice_for("wasm run --no-such-flag x"), None);
    }

    #[test]
    fn flags_of_0_3_that_do_what_they_did_are_taken() {
        for line in [
            "wasm run --inputs a:/b --labels x --output-volumes a:/b --publishers ipfs --wait-timeout-secs 5 --download --dry-run x.wasm",
            "docker run --input-urls https://a/b:/c --input-volumes bafy:/d -v bafy:/e -u https://a/b:/c --dry-run image",
            "list --sort-by created_at --no-style",
            "describe --spec x",
            "job history x",
            "job executions x",
            "validate job.yaml",
            "create --wait-timeout-secs 5 job.yaml",
        ] {
            let words = std::iter::once("bacalhau").chain(line.split_whitespace());
            let error = Cli::command().try_get_matches_from(words).err().map(|error| error.to_string());
            assert_eq!(error, None, "{line}");
        }
    }
}
