//! Makes and deletes more files than may exist at once: deleted ones do not count. 10 exist at once, 1000 in all.
fn main() {
    for n in 0..1000 {
        std::fs::write(format!("/{n}"), vec![b'x'; 1000]).unwrap();
        if n >= 10 {
            std::fs::remove_file(format!("/{}", n - 10)).unwrap();
        }
    }
    println!("survived");
}
