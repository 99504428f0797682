//! The command line of a compile process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::CompileLimits;

/// The program and hidden command that compile: usually this executable.
#[derive(Clone, Debug)]
pub struct CompileCommand {
    program: PathBuf,
    verb: OsString,
}

impl CompileCommand {
    /// `program` with the command `verb` and the flags of `cli/compile`.
    pub fn new(program: PathBuf, verb: impl Into<OsString>) -> Self {
        Self { program, verb: verb.into() }
    }

    /// The command for one module: with an empty environment, without a shell, and in its own process group, so that
    /// terminal signals reach only the node.
    pub(super) fn of(&self, cache_dir: &Path, limits: &CompileLimits, optimize: bool) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir("/").arg(&self.verb);
        command.arg("--cache-dir").arg(std::path::absolute(cache_dir).unwrap_or_else(|_| cache_dir.into()));
        for (flag, value) in [
            ("--memory-bytes", limits.memory_bytes),
            ("--cpu-seconds", limits.cpu_seconds),
            ("--threads", limits.threads),
            ("--parent", std::process::id().into()),
        ] {
            command.arg(flag).arg(value.to_string());
        }
        if optimize {
            command.arg("--optimize");
        }
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            command.arg0("bacalhau").process_group(0);
        }
        command
    }
}
