//! Warns about environment variables with our prefix that no command reads, so that a misspelt one is noticed.

use std::io::{self, Write as _};

use clap::{ArgMatches, Command};

use super::output::Paint;
use bacalhau_service::config::{VARIABLE_PREFIX as PREFIX, unknown_variables};

/// Variables that are set for child processes, or read by tests.
const OTHERS: [&str; 4] =
    ["BACALHAU_JOB_SELECTION_PROBE_DATA", "BACALHAU_SIM_SEED", "BACALHAU_TEST_PEERS", "BACALHAU_TEST_PYTHON"];

/// Warns on standard error about unused variables, unless the command is quiet. `command` has the flags of all
/// commands.
pub(super) fn check(command: &Command, matches: &ArgMatches) {
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let set: Vec<String> = set.filter(|name| name.starts_with(PREFIX)).collect();
    if set.is_empty() || is_quiet(matches) {
        return;
    }
    let mut known = OTHERS.map(str::to_owned).to_vec();
    collect(command, &mut known);
    let warning = Paint::for_stderr().yellow("warning:");
    for variable in unknown_variables(set.into_iter(), &known) {
        let meant = variable.meant.map_or_else(
            || "`bacalhau config default` lists the names".to_owned(),
            |meant| format!("did you mean {meant}?"),
        );
        // If standard error is closed, the warning is lost.
        let _ = writeln!(io::stderr(), "{warning} the environment variable {} has no effect: {meant}", variable.name);
    }
}

/// The variables that flags read.
fn collect(command: &Command, names: &mut Vec<String>) {
    names.extend(command.get_arguments().filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned)));
    command.get_subcommands().for_each(|verb| collect(verb, names));
}

/// Whether the command has `--quiet` and it is given.
fn is_quiet(matches: &ArgMatches) -> bool {
    match matches.subcommand() {
        Some((_, verb)) => is_quiet(verb),
        None => matches.try_get_one::<bool>("quiet").is_ok_and(|quiet| quiet == Some(&true)),
    }
}
