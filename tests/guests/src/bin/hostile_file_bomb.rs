//! Makes empty files for ever.
fn main() {
    for n in 0_u64.. {
        std::fs::File::create(format!("/outputs/{n}")).unwrap();
    }
}
