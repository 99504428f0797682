//! Output by lines and without a newline at the end, in the order in which it was written, per stream.
use std::io::{Read, Write, stderr, stdin, stdout};

fn main() -> std::io::Result<()> {
    println!("one");
    eprintln!("uno");
    print!("two");
    stdout().flush()?;
    eprint!("due");
    stdout().write_all(b" \xff\xfe")?;
    stderr().write_all(b"!\n")?;
    let mut text = String::new();
    assert_eq!(stdin().read_to_string(&mut text)?, 0);
    Ok(())
}
