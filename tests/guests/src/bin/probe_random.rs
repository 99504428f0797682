//! What a program can learn from random numbers: 64 bytes, and the order of a hash table.
use std::collections::HashSet;

fn main() {
    let mut bytes = [0_u8; 64];
    guests::granted(unsafe { wasi::random_get(bytes.as_mut_ptr(), 48) });
    guests::granted(unsafe { wasi::random_get(bytes[48..].as_mut_ptr(), 16) });
    guests::granted(unsafe { wasi::random_get(std::ptr::null_mut(), 0) });
    println!("{}", guests::hex(&bytes));
    println!("{:?}", (0..20).collect::<HashSet<u32>>());
}
