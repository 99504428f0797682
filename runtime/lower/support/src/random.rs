//! `wasi:random`. All of it is the random stream of the job.

use crate::answer;
use crate::arena::allocate;
use crate::memory::{load64, trap};
use crate::preview1;

fn fill(address: u32, length: u32) {
    if preview1::random(address, length).is_err() {
        trap();
    }
}

fn bytes(length: u64) -> u32 {
    let Ok(length) = u32::try_from(length) else { trap() };
    let address = allocate(1, length);
    fill(address, length);
    answer::list(answer::address(), address, length)
}

fn number() -> u64 {
    fill(answer::address(), 8);
    load64(answer::address())
}

#[unsafe(export_name = "wasi:random/random#get-random-bytes")]
extern "C" fn get_random_bytes(length: u64) -> u32 {
    bytes(length)
}

#[unsafe(export_name = "wasi:random/random#get-random-u64")]
extern "C" fn get_random_u64() -> u64 {
    number()
}

#[unsafe(export_name = "wasi:random/insecure#get-insecure-random-bytes")]
extern "C" fn get_insecure_random_bytes(length: u64) -> u32 {
    bytes(length)
}

#[unsafe(export_name = "wasi:random/insecure#get-insecure-random-u64")]
extern "C" fn get_insecure_random_u64() -> u64 {
    number()
}

#[unsafe(export_name = "wasi:random/insecure-seed#insecure-seed")]
extern "C" fn insecure_seed() -> u32 {
    fill(answer::address(), 16);
    answer::address()
}
