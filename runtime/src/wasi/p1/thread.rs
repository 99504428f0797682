//! Starting a thread, which fails: a job has one.

use wasmtime::{Caller, Linker};

use super::{CALL, Word, charge};
use crate::gate::wasi::THREAD_SPAWN;
use crate::sandbox::State;
use crate::vfs::fault::Stop;
use bacalhau_receipt::{Limit, calls::number};

/// `EAGAIN` of preview 1. A negative result is a failure, which wasi-libc reports as this errno.
const AGAIN: u16 = 6;

/// Defines the function.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let (module, name) = THREAD_SPAWN;
    linker.func_wrap(module, name, |mut caller: Caller<'_, State>, argument: u32| -> wasmtime::Result<i32> {
        let left = charge(&mut caller, CALL)?;
        let errno = (left >= 0).then_some(AGAIN);
        caller.data_mut().calls.add(const { number("thread-spawn") }, &[argument.word()], errno, left, 0);
        caller.data().report(left);
        errno.map(|errno| -i32::from(errno)).ok_or_else(|| wasmtime::Error::new(Stop::Limit(Limit::Fuel)))
    })?;
    Ok(())
}
