//! Uses files in bulk, for the benchmarks: one way of using them, named by the first argument.

use std::fs::{self, File};
use std::io::{Read, Write};

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| args.get(index).and_then(|arg| arg.parse::<usize>().ok()).unwrap_or(0);
    let done = match args.first().map(String::as_str) {
        Some("nothing") => 0,
        Some("read") => read_file("/inputs/big", number(1))?,
        Some("write") => write_file(number(1), number(2))?,
        Some("read-small") => read_tree()?,
        Some("write-small") => write_small(number(1))?,
        Some("list") => fs::read_dir("/inputs")?.count(),
        _ => panic!("usage: nothing | read PIECE | write MIB PIECE | read-small | write-small FILES | list"),
    };
    println!("{done}");
    Ok(())
}

/// Reads a file in pieces and answers its length.
fn read_file(path: &str, piece: usize) -> std::io::Result<usize> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; piece];
    let mut total = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(total),
            read => total += read,
        }
    }
}

/// Writes a file of some MiB in pieces and answers its length.
fn write_file(mib: usize, piece: usize) -> std::io::Result<usize> {
    let mut file = File::create("/outputs/big")?;
    let buffer = vec![7; piece];
    let pieces = (mib << 20) / piece;
    for _ in 0..pieces {
        file.write_all(&buffer)?;
    }
    Ok(pieces * piece)
}

/// Reads every file of the input and answers their length together.
fn read_tree() -> std::io::Result<usize> {
    let mut total = 0;
    for entry in fs::read_dir("/inputs")? {
        total += fs::read(entry?.path())?.len();
    }
    Ok(total)
}

/// Writes files of 4 KiB and answers how many.
fn write_small(files: usize) -> std::io::Result<usize> {
    let content = vec![7; 4096];
    for index in 0..files {
        fs::write(format!("/outputs/{index}"), &content)?;
    }
    Ok(files)
}
