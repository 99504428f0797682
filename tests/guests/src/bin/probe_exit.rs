//! Ends with the code that its argument says, after writing to both logs.
fn main() {
    let code: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    print!("out");
    eprint!("err");
    std::fs::write("/outputs/code", code.to_string()).unwrap();
    std::io::Write::flush(&mut std::io::stdout()).unwrap();
    unsafe { wasi::proc_exit(code) }
}
