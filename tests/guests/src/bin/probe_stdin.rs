//! Reads standard input to its end, says how long it was, and what the first line was.
use std::io::{BufRead, Read};

fn main() {
    let mut line = String::new();
    let mut stdin = std::io::stdin().lock();
    stdin.read_line(&mut line).unwrap();
    let mut rest = Vec::new();
    stdin.read_to_end(&mut rest).unwrap();
    println!("{} {line:?}", line.len() + rest.len());
}
