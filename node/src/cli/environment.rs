//! Variables of the environment with a name of ours that no command reads: a slip in one would change nothing, and be noticed
//! by nobody.

use std::io::{self, Write as _};

use clap::{ArgMatches, Command};

use super::output::Paint;
use crate::config::{VARIABLE_PREFIX as PREFIX, unknown_variables};

/// Variables that are set for others, or read by our tests.
const OTHERS: [&str; 3] = ["BACALHAU_JOB_SELECTION_PROBE_DATA", "BACALHAU_SIM_SEED", "BACALHAU_TEST_PEERS"];

/// Says on standard error which variables nothing reads, unless the command is to be quiet. `command` has the flags of all
/// verbs.
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
            || "see the names with `bacalhau config default`".to_owned(),
            |meant| format!("did you mean {meant}?"),
        );
        // Nobody can be told that nobody can be told.
        let _ = writeln!(io::stderr(), "{warning} the variable {} is not read: {meant}", variable.name);
    }
}

/// The variables that flags read.
fn collect(command: &Command, names: &mut Vec<String>) {
    names.extend(command.get_arguments().filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned)));
    command.get_subcommands().for_each(|verb| collect(verb, names));
}

/// Whether the verb has `--quiet`, and it is given.
fn is_quiet(matches: &ArgMatches) -> bool {
    match matches.subcommand() {
        Some((_, verb)) => is_quiet(verb),
        None => matches.try_get_one::<bool>("quiet").is_ok_and(|quiet| quiet == Some(&true)),
    }
}
