//! Makes directories for ever, outside of the outputs.
fn main() {
    for n in 0_u64.. {
        std::fs::create_dir(format!("/{n}")).unwrap();
    }
}
