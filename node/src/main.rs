//! The `bacalhau` command. Everything is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bacalhau::cli::main()
}
