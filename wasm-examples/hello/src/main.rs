//! The smallest guest: prints one line and ends. Benchmarks use it to measure what a run costs by itself.
//!
//! It reads no input, no arguments and writes nothing under `/outputs`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(b"hello from the sandbox\n")
}
