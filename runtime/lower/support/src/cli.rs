//! `wasi:cli`: environment, exit, standard streams, terminals.

use crate::answer;
use crate::arena::allocate;
use crate::memory::{load8, load32, store8, trap};
use crate::preview1::{self, Result, Sizes};
use crate::streams;

/// Strings of preview 1: the addresses of their pointers, and of the end of their bytes.
fn strings(sizes: Result<Sizes>, get: fn(u32, u32) -> Result<()>) -> (u32, u32, u32) {
    let Ok((count, bytes)) = sizes else { trap() };
    let Some(size) = count.checked_mul(4) else { trap() };
    let pointers = allocate(4, size);
    let text = allocate(1, bytes);
    if get(pointers, text).is_err() {
        trap();
    }
    (count, pointers, text + bytes)
}

/// Address and length of a string without its end.
fn string(pointers: u32, count: u32, end: u32, index: u32) -> (u32, u32) {
    let from = load32(pointers + 4 * index);
    let to = if index + 1 < count { load32(pointers + 4 * (index + 1)) } else { end };
    (from, to - from - 1)
}

fn array(count: u32, bytes: u32) -> u32 {
    let Some(size) = count.checked_mul(bytes) else { trap() };
    allocate(4, size)
}

#[unsafe(export_name = "wasi:cli/environment#get-arguments")]
extern "C" fn get_arguments() -> u32 {
    let (count, pointers, end) = strings(preview1::args_sizes(), preview1::args);
    let list = array(count, 8);
    for index in 0..count {
        let (address, length) = string(pointers, count, end, index);
        answer::list(list + 8 * index, address, length);
    }
    answer::list(answer::address(), list, count)
}

#[unsafe(export_name = "wasi:cli/environment#get-environment")]
extern "C" fn get_environment() -> u32 {
    let (count, pointers, end) = strings(preview1::environ_sizes(), preview1::environ);
    let list = array(count, 16);
    for index in 0..count {
        let (address, length) = string(pointers, count, end, index);
        let name = (0..length).find(|at| load8(address + at) == b'=').unwrap_or(length);
        let value = (name + 1).min(length);
        answer::list(list + 16 * index, address, name);
        answer::list(list + 16 * index + 8, address + value, length - value);
    }
    answer::list(answer::address(), list, count)
}

fn none() -> u32 {
    store8(answer::address(), 0);
    answer::address()
}

#[unsafe(export_name = "wasi:cli/environment#initial-cwd")]
extern "C" fn initial_cwd() -> u32 {
    none()
}

#[unsafe(export_name = "wasi:cli/exit#exit")]
extern "C" fn exit(failed: u32) {
    preview1::proc_exit(failed)
}

#[unsafe(export_name = "wasi:cli/exit#exit-with-code")]
extern "C" fn exit_with_code(code: u32) {
    preview1::proc_exit(code)
}

#[unsafe(export_name = "wasi:cli/stdin#get-stdin")]
extern "C" fn get_stdin() -> u32 {
    streams::stdin()
}

#[unsafe(export_name = "wasi:cli/stdout#get-stdout")]
extern "C" fn get_stdout() -> u32 {
    streams::standard_output(1)
}

#[unsafe(export_name = "wasi:cli/stderr#get-stderr")]
extern "C" fn get_stderr() -> u32 {
    streams::standard_output(2)
}

#[unsafe(export_name = "wasi:cli/terminal-stdin#get-terminal-stdin")]
extern "C" fn get_terminal_stdin() -> u32 {
    none()
}

#[unsafe(export_name = "wasi:cli/terminal-stdout#get-terminal-stdout")]
extern "C" fn get_terminal_stdout() -> u32 {
    none()
}

#[unsafe(export_name = "wasi:cli/terminal-stderr#get-terminal-stderr")]
extern "C" fn get_terminal_stderr() -> u32 {
    none()
}
