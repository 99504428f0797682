//! The frame of a guest: its arguments, its two directories, its exit code.
//!
//! Tests make a [`Job`] over directories of their own, so the whole of an example runs natively too.

use crate::{Problem, Result};
use std::{
    ffi::OsString,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

/// What a guest is given.
#[derive(Debug, Clone)]
pub struct Job {
    /// The tree of inputs: `/inputs` in the sandbox.
    pub inputs: PathBuf,
    /// Where results go: `/outputs` in the sandbox.
    pub outputs: PathBuf,
    /// The arguments after the name of the program.
    pub args: Vec<OsString>,
}

impl Job {
    /// The job of this process, with the directories of the sandbox.
    pub fn of_process() -> Self {
        Self {
            inputs: PathBuf::from("/inputs"),
            outputs: PathBuf::from("/outputs"),
            args: std::env::args_os().skip(1).collect(),
        }
    }

    /// A parser over the arguments.
    pub fn parser(&self) -> lexopt::Parser {
        lexopt::Parser::from_args(self.args.iter().cloned())
    }
}

/// Runs `body` with the job of this process and buffered standard output; a problem becomes a message and an exit code.
pub fn run(usage: &str, body: impl FnOnce(&Job, &mut dyn Write) -> Result<()>) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let outcome = body(&Job::of_process(), &mut out).and_then(|()| Ok(out.flush()?));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => report(usage, &problem),
    }
}

/// Standard error may itself be full or closed; then the exit code has to say it alone.
fn report(usage: &str, problem: &Problem) -> ExitCode {
    let mut text = format!("error: {problem}\n");
    if matches!(problem, Problem::Usage(_)) {
        text.push_str("usage: ");
        text.push_str(usage);
        text.push('\n');
    }
    io::stderr().write_all(text.as_bytes()).ok();
    ExitCode::from(problem.exit_code())
}
