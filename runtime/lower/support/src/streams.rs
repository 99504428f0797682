//! `wasi:io/streams`: standard streams and files. Nothing blocks, and what is written is written at once.

use crate::answer;
use crate::arena::allocate;
use crate::descriptors;
use crate::errors::{self, Errno};
use crate::memory::{fill_zero, store8, store32, store64, trap};
use crate::objects::{Kind, Object};
use crate::poll;
use crate::preview1;

/// The most bytes of one read or write.
const MOST: u32 = 65_536;

/// The most bytes of a `blocking-write-and-flush`, by its definition.
const MOST_AT_ONCE: u32 = 4096;

/// Fields of a stream: the descriptor and 1, or 0 for a standard stream; the number of the standard stream, or what to do at
/// the end of a file; whether it is closed; the position.
const DESCRIPTOR: u32 = 0;
const MODE: u32 = 1;
const CLOSED: u32 = 2;
const POSITION: u32 = 0;

/// Of [`MODE`]: writes at the end of the file.
const APPEND: u32 = 1;

/// Why a stream did not go on.
enum Stopped {
    Closed,
    Failed(Errno),
}

impl From<Errno> for Stopped {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

type Result<T> = core::result::Result<T, Stopped>;

pub(crate) fn stdin() -> u32 {
    Object::new(Kind::InputStream).rep()
}

pub(crate) fn standard_output(fd: u32) -> u32 {
    let stream = Object::new(Kind::OutputStream);
    stream.set_word(MODE, fd);
    stream.rep()
}

pub(crate) fn input_of(descriptor: u32, position: u64) -> u32 {
    of_file(Kind::InputStream, descriptor, 0, position)
}

pub(crate) fn output_of(descriptor: u32, position: Option<u64>) -> u32 {
    let mode = if position.is_none() { APPEND } else { 0 };
    of_file(Kind::OutputStream, descriptor, mode, position.unwrap_or(0))
}

fn of_file(kind: Kind, descriptor: u32, mode: u32, position: u64) -> u32 {
    descriptors::share(descriptor);
    let stream = Object::new(kind);
    stream.set_word(DESCRIPTOR, descriptor + 1);
    stream.set_word(MODE, mode);
    stream.set_long(POSITION, position);
    stream.rep()
}

/// The open file of a stream, if it has one.
fn file(stream: Object) -> Option<u32> {
    stream.word(DESCRIPTOR).checked_sub(1).map(descriptors::fd)
}

fn free(stream: Object) {
    if let Some(descriptor) = stream.word(DESCRIPTOR).checked_sub(1) {
        descriptors::release(descriptor);
    }
    stream.free();
}

/// Reads up to so many bytes into the arena: their address and number.
fn read(stream: u32, length: u64) -> Result<(u32, u32)> {
    let stream = Object::of(stream, Kind::InputStream);
    let length = length.min(u64::from(MOST)) as u32;
    if stream.word(CLOSED) != 0 {
        return Err(Stopped::Closed);
    }
    let address = allocate(1, length);
    let position = stream.long(POSITION);
    let read = match file(stream) {
        None => preview1::read(0, address, length),
        Some(fd) => preview1::read_at(fd, address, length, position),
    };
    let count = read.inspect_err(|_| stream.set_word(CLOSED, 1))?;
    if count == 0 && length > 0 {
        return Err(Stopped::Closed);
    }
    stream.set_long(POSITION, position + u64::from(count));
    Ok((address, count))
}

fn write(stream: u32, mut address: u32, mut length: u32) -> Result<()> {
    let stream = Object::of(stream, Kind::OutputStream);
    if stream.word(CLOSED) != 0 {
        return Err(Stopped::Closed);
    }
    while length > 0 {
        let written = write_some(stream, address, length).inspect_err(|_| stream.set_word(CLOSED, 1))?;
        address += written;
        length -= written;
    }
    Ok(())
}

fn write_some(stream: Object, address: u32, length: u32) -> core::result::Result<u32, Errno> {
    let Some(fd) = file(stream) else { return preview1::write(stream.word(MODE), address, length) };
    if stream.word(MODE) == APPEND {
        return preview1::write_at(fd, address, length, preview1::stat(fd)?.size);
    }
    let position = stream.long(POSITION);
    let written = preview1::write_at(fd, address, length, position)?;
    stream.set_long(POSITION, position + u64::from(written));
    Ok(written)
}

/// Writes `result<…, stream-error>`: `write` gets the address of the payload.
fn answer<T>(payload: u32, result: Result<T>, write: impl FnOnce(u32, T)) -> u32 {
    let at = answer::address();
    match result {
        Ok(value) => {
            store8(at, 0);
            write(at + payload, value);
        }
        Err(stopped) => {
            store8(at, 1);
            match stopped {
                Stopped::Failed(errno) => {
                    store8(at + payload, 0);
                    store32(at + payload + 4, errors::new(errno));
                }
                Stopped::Closed => store8(at + payload, 1),
            }
        }
    }
    at
}

fn done(result: Result<()>) -> u32 {
    answer(4, result, |_, ()| {})
}

fn count(result: Result<u64>) -> u32 {
    answer(8, result, store64)
}

fn bytes(result: Result<(u32, u32)>) -> u32 {
    answer(4, result, |at, (address, length)| {
        answer::list(at, address, length);
    })
}

#[unsafe(export_name = "wasi:io/streams#[dtor]input-stream")]
extern "C" fn drop_input(stream: u32) {
    free(Object::of(stream, Kind::InputStream));
}

#[unsafe(export_name = "wasi:io/streams#[dtor]output-stream")]
extern "C" fn drop_output(stream: u32) {
    free(Object::of(stream, Kind::OutputStream));
}

#[unsafe(export_name = "wasi:io/streams#[method]input-stream.read")]
extern "C" fn input_read(stream: u32, length: u64) -> u32 {
    bytes(read(stream, length))
}

#[unsafe(export_name = "wasi:io/streams#[method]input-stream.blocking-read")]
extern "C" fn input_blocking_read(stream: u32, length: u64) -> u32 {
    bytes(read(stream, length))
}

fn skip(stream: u32, length: u64) -> Result<u64> {
    read(stream, length).map(|(_, count)| u64::from(count))
}

#[unsafe(export_name = "wasi:io/streams#[method]input-stream.skip")]
extern "C" fn input_skip(stream: u32, length: u64) -> u32 {
    count(skip(stream, length))
}

#[unsafe(export_name = "wasi:io/streams#[method]input-stream.blocking-skip")]
extern "C" fn input_blocking_skip(stream: u32, length: u64) -> u32 {
    count(skip(stream, length))
}

#[unsafe(export_name = "wasi:io/streams#[method]input-stream.subscribe")]
extern "C" fn input_subscribe(_: u32) -> u32 {
    poll::ready()
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.check-write")]
extern "C" fn check_write(stream: u32) -> u32 {
    let closed = Object::of(stream, Kind::OutputStream).word(CLOSED) != 0;
    count(if closed { Err(Stopped::Closed) } else { Ok(u64::from(MOST)) })
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.write")]
extern "C" fn output_write(stream: u32, address: u32, length: u32) -> u32 {
    if length > MOST {
        trap();
    }
    done(write(stream, address, length))
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.blocking-write-and-flush")]
extern "C" fn blocking_write_and_flush(stream: u32, address: u32, length: u32) -> u32 {
    if length > MOST_AT_ONCE {
        trap();
    }
    done(write(stream, address, length))
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.flush")]
extern "C" fn flush(stream: u32) -> u32 {
    done(write(stream, 0, 0))
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.blocking-flush")]
extern "C" fn blocking_flush(stream: u32) -> u32 {
    done(write(stream, 0, 0))
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.subscribe")]
extern "C" fn output_subscribe(_: u32) -> u32 {
    poll::ready()
}

fn zeroes(stream: u32, length: u64, most: u32) -> Result<()> {
    let Some(length) = u32::try_from(length).ok().filter(|length| *length <= most) else { trap() };
    let address = allocate(1, length);
    fill_zero(address, length);
    write(stream, address, length)
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.write-zeroes")]
extern "C" fn write_zeroes(stream: u32, length: u64) -> u32 {
    done(zeroes(stream, length, MOST))
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.blocking-write-zeroes-and-flush")]
extern "C" fn blocking_write_zeroes_and_flush(stream: u32, length: u64) -> u32 {
    done(zeroes(stream, length, MOST_AT_ONCE))
}

fn move_bytes(to: u32, from: u32, length: u64) -> Result<u64> {
    let (address, length) = read(from, length)?;
    write(to, address, length)?;
    Ok(u64::from(length))
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.splice")]
extern "C" fn splice(stream: u32, source: u32, length: u64) -> u32 {
    count(move_bytes(stream, source, length))
}

#[unsafe(export_name = "wasi:io/streams#[method]output-stream.blocking-splice")]
extern "C" fn blocking_splice(stream: u32, source: u32, length: u64) -> u32 {
    count(move_bytes(stream, source, length))
}
