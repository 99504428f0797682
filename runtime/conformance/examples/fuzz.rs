//! Long runs of the fuzzers: `cargo run --release -p bacalhau-conformance --example fuzz -- floats --modules 10000`.
//! Prints each finding at once and the counts at the end. See `FUZZING.md`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use bacalhau_conformance::fuzz::{Target, campaign::Campaign};
use clap::Parser;

#[derive(Parser)]
#[command(about = "Searches for modules that the instrumentation pass gets wrong")]
struct Arguments {
    /// Where modules come from
    #[arg(value_enum)]
    target: Target,
    /// How many modules
    #[arg(long, default_value_t = 1_000)]
    modules: u64,
    /// Decides, with its number, what a module is
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the first module
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Threads
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

fn main() -> ExitCode {
    let Arguments { target, modules, seed, first, jobs } = Arguments::parse();
    let campaign = Campaign { seed, first, modules, jobs };
    let mut out = io::stdout().lock();
    let run = target.run(campaign, &|finding| eprintln!("{finding}\n"));
    // A closed standard output is not an error.
    let (code, _) = match run {
        Ok((counts, findings)) => {
            let code = if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            (code, writeln!(out, "{counts}{:>10}  findings", findings.len()))
        }
        Err(error) => (ExitCode::FAILURE, writeln!(out, "the fuzzer does not run here: {error}")),
    };
    code
}
