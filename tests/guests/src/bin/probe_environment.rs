//! Arguments, environment, current directory, terminal: everything that a program learns without files.
use std::io::IsTerminal;

fn main() {
    println!("args {:?}", std::env::args().collect::<Vec<_>>());
    println!("env {:?}", std::env::vars().collect::<Vec<_>>());
    println!("dir {}", std::env::current_dir().unwrap().display());
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    println!("terminal {} {} {}", stdin.is_terminal(), stdout.is_terminal(), stderr.is_terminal());
}
