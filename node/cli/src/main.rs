//! The `bacalhau` command. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    bacalhau::main()
}
