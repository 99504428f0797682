//! WASI preview 1: all 46 functions on `vfs`, one file for each family. This file lists them, charges fuel, and
//! converts results. `thread` has the one function of wasi-threads.

mod args;
mod clock;
mod dir;
mod fd;
mod io;
mod layout;
mod memory;
mod path;
mod poll;
mod random;
mod sock;
mod thread;

use wasmtime::{Caller, Linker};

use crate::sandbox::State;
use crate::vfs::errno::Errno;
use crate::vfs::fault::{Answer, Fault, Stop};
use crate::wasi::World;
use bacalhau_receipt::{Limit, Profile, calls::number};
use memory::Memory;

/// The module from which guests import the functions.
pub(crate) use crate::gate::wasi::WASI_MODULE as MODULE;

/// Fuel of a call on data in memory.
const CALL: u64 = Profile::V1.fuel.call;
/// Fuel of a call that walks a path, and may open or make a file of the host.
const WALK: u64 = Profile::V1.fuel.walk;
// In addition, each moved byte costs as in `memory.copy`, and `vfs` reports further work.

/// One call of the guest.
struct Guest<'a> {
    memory: Memory<'a>,
    world: &'a mut World,
    /// Bytes moved between the guest and the host, to be charged.
    moved: u64,
}

/// Does `work` for the guest and answers preview 1's `errno`, or ends the run. The trail has it as a call of `function`
/// with `args`.
fn call(
    caller: &mut Caller<'_, State>,
    (function, args): (u8, &[u64]),
    price: u64,
    work: impl FnOnce(&mut Guest<'_>) -> Answer<()>,
) -> wasmtime::Result<i32> {
    let mut left = charge(caller, price)?;
    let mut moved = 0;
    let answer = match caller.data().memory {
        _ if left < 0 => Err(Stop::Limit(Limit::Fuel)),
        // The gate demands an exported memory from a module that calls anything with an address.
        None => Ok(Errno::Fault),
        Some(memory) => {
            let (bytes, state) = memory.data_and_store_mut(&mut *caller);
            let mut guest = Guest { memory: Memory(bytes), world: &mut state.world, moved: 0 };
            let answer = work(&mut guest);
            moved = guest.moved;
            let beside = state.world.vfs.take_work();
            left = charge(caller, moved * Profile::V1.fuel.byte + beside)?;
            match answer {
                // It was not performed, so it costs nothing more.
                Err(Fault::Stop(stop @ Stop::Host(_))) => Err(stop),
                _ if left < 0 => Err(Stop::Limit(Limit::Fuel)),
                Ok(()) => Ok(Errno::Success),
                Err(Fault::Errno(errno)) => Ok(errno),
                Err(Fault::Stop(stop)) => Err(stop),
            }
        }
    };
    let errno = answer.as_ref().ok().map(|errno| *errno as u16);
    caller.data_mut().calls.add(function, args, errno, left, moved);
    caller.data().report(left);
    answer.map(|errno| i32::from(errno as u16)).map_err(wasmtime::Error::new)
}

/// Charges fuel for host work to the guest's counter, and returns the rest: negative when it was insufficient.
fn charge(caller: &mut Caller<'_, State>, price: u64) -> wasmtime::Result<i64> {
    let Some(counters) = caller.data().counters else { return Ok(i64::MAX) };
    let left = counters.fuel(&mut *caller).saturating_sub_unsigned(price);
    counters.set_fuel(&mut *caller, left)?;
    Ok(left)
}

/// An argument as a word of the trail.
trait Word: Copy {
    fn word(self) -> u64;
}

impl Word for u32 {
    fn word(self) -> u64 {
        self.into()
    }
}

impl Word for u64 {
    fn word(self) -> u64 {
        self
    }
}

impl Word for i64 {
    fn word(self) -> u64 {
        self.cast_unsigned()
    }
}

/// Defines the functions in a linker, and lists their names.
macro_rules! functions {
    ($($price:ident $name:ident = $family:ident::$function:ident($($arg:ident: $type:ty),*);)*) => {
        /// Defines all functions except `proc_exit`, which does not return.
        fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
            $(linker.func_wrap(MODULE, stringify!($name), |mut caller: Caller<'_, State>, $($arg: $type),*| {
                let args: &[u64] = &[$($arg.word()),*];
                call(&mut caller, (const { number(stringify!($name)) }, args), $price, |guest| $family::$function(guest, $($arg),*))
            })?;)*
            Ok(())
        }
    };
}

functions! {
    CALL args_get = args::args_get(argv: u32, buf: u32);
    CALL args_sizes_get = args::args_sizes_get(count: u32, size: u32);
    CALL environ_get = args::environ_get(environ: u32, buf: u32);
    CALL environ_sizes_get = args::environ_sizes_get(count: u32, size: u32);
    CALL clock_res_get = clock::res_get(id: u32, resolution: u32);
    CALL clock_time_get = clock::time_get(id: u32, precision: u64, time: u32);
    CALL fd_advise = fd::advise(fd: u32, offset: u64, length: u64, advice: u32);
    CALL fd_allocate = io::allocate(fd: u32, offset: u64, length: u64);
    CALL fd_close = fd::close(fd: u32);
    CALL fd_datasync = fd::datasync(fd: u32);
    CALL fd_fdstat_get = fd::fdstat_get(fd: u32, stat: u32);
    CALL fd_fdstat_set_flags = fd::fdstat_set_flags(fd: u32, flags: u32);
    CALL fd_fdstat_set_rights = fd::fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
    CALL fd_filestat_get = fd::filestat_get(fd: u32, stat: u32);
    CALL fd_filestat_set_size = io::set_size(fd: u32, size: u64);
    CALL fd_filestat_set_times = fd::filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32);
    CALL fd_pread = io::pread(fd: u32, iovs: u32, count: u32, offset: u64, read: u32);
    CALL fd_prestat_get = fd::prestat_get(fd: u32, prestat: u32);
    CALL fd_prestat_dir_name = fd::prestat_dir_name(fd: u32, path: u32, length: u32);
    CALL fd_pwrite = io::pwrite(fd: u32, iovs: u32, count: u32, offset: u64, written: u32);
    CALL fd_read = io::read(fd: u32, iovs: u32, count: u32, read: u32);
    WALK fd_readdir = dir::readdir(fd: u32, buf: u32, length: u32, cookie: u64, used: u32);
    CALL fd_renumber = fd::renumber(from: u32, to: u32);
    CALL fd_seek = io::seek(fd: u32, offset: i64, whence: u32, position: u32);
    CALL fd_sync = fd::sync(fd: u32);
    CALL fd_tell = io::tell(fd: u32, position: u32);
    CALL fd_write = io::write(fd: u32, iovs: u32, count: u32, written: u32);
    WALK path_create_directory = path::create_directory(fd: u32, path: u32, length: u32);
    WALK path_filestat_get = path::filestat_get(fd: u32, flags: u32, path: u32, length: u32, stat: u32);
    WALK path_filestat_set_times = path::filestat_set_times(
        fd: u32, flags: u32, path: u32, length: u32, accessed: u64, modified: u64, which: u32);
    WALK path_link = path::link(
        old_fd: u32, old_flags: u32, old_path: u32, old_length: u32, new_fd: u32, new_path: u32, new_length: u32);
    WALK path_open = path::open(
        fd: u32, lookup: u32, path: u32, length: u32, oflags: u32, base: u64, inheriting: u64, fdflags: u32, opened: u32);
    WALK path_readlink = path::readlink(fd: u32, path: u32, length: u32, buf: u32, buf_length: u32, used: u32);
    WALK path_remove_directory = path::remove_directory(fd: u32, path: u32, length: u32);
    WALK path_rename = path::rename(
        old_fd: u32, old_path: u32, old_length: u32, new_fd: u32, new_path: u32, new_length: u32);
    WALK path_symlink = path::symlink(target: u32, target_length: u32, fd: u32, path: u32, length: u32);
    WALK path_unlink_file = path::unlink_file(fd: u32, path: u32, length: u32);
    CALL poll_oneoff = poll::oneoff(subscriptions: u32, events: u32, count: u32, happened: u32);
    CALL proc_raise = sock::proc_raise(signal: u32);
    CALL random_get = random::get(buf: u32, length: u32);
    CALL sched_yield = clock::sched_yield();
    CALL sock_accept = sock::accept(fd: u32, flags: u32, accepted: u32);
    CALL sock_recv = sock::recv(fd: u32, iovs: u32, count: u32, flags: u32, received: u32, out_flags: u32);
    CALL sock_send = sock::send(fd: u32, iovs: u32, count: u32, flags: u32, sent: u32);
    CALL sock_shutdown = sock::shutdown(fd: u32, how: u32);
}

/// Defines all 46 functions, and that of wasi-threads.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    define(linker)?;
    thread::link(linker)?;
    linker.func_wrap(MODULE, "proc_exit", |mut caller: Caller<'_, State>, code: u32| -> wasmtime::Result<()> {
        let left = charge(&mut caller, 0)?;
        caller.data_mut().calls.add(const { number("proc_exit") }, &[code.word()], None, left, 0);
        Err(wasmtime::Error::new(Stop::Exit(code)))
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Backend, engine};
    use crate::gate::wasi::{THREAD_SPAWN, WASI};
    use crate::options::Options;
    use wasmtime::{Module, Store};

    /// A module that imports every function with the type that the gate promises can be instantiated.
    #[test]
    fn what_the_gate_allows_is_there_and_nothing_else() {
        let engine = engine(Backend::Optimized, &Options::default()).unwrap();
        let mut linker = Linker::new(&engine);
        link(&mut linker).unwrap();
        let import = |(name, params, results): &(&str, &[wasmparser::ValType], &[wasmparser::ValType])| {
            let list = |types: &[wasmparser::ValType]| types.iter().map(|ty| format!(" {ty}")).collect::<String>();
            let (params, results) = (list(params), list(results));
            format!("(import \"{MODULE}\" \"{name}\" (func (param{params}) (result{results})))")
        };
        let (module, name) = THREAD_SPAWN;
        let spawn = format!("(import \"{module}\" \"{name}\" (func (param i32) (result i32)))");
        let text = format!("(module {} {spawn})", WASI.iter().map(import).collect::<String>());
        let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        linker.instantiate_pre(&module).unwrap();
        assert_eq!(module.imports().len(), 47);
        let world = World::new(
            &crate::Job::new(crate::Link::of_raw(b"")),
            &crate::Inputs::new(),
            crate::vfs::Scratch::new(crate::staging::Staging::new(std::path::Path::new(".")).into(), u64::MAX),
            crate::host_memory::HostMemory::new(u64::MAX),
        );
        let state = State::new(world.unwrap().unwrap(), &crate::Limits::default(), false);
        assert_eq!(linker.iter(&mut Store::new(&engine, state)).count(), 47);
    }
}
