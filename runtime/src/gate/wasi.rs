//! What a module may import: the 46 functions of WASI preview 1 with their exact types, and the memory and the function of
//! modules that are built for threads (wasi-threads).
//!
//! The types are those of `wasi_snapshot_preview1.witx`, lowered to core WebAssembly. `wasi` implements the functions;
//! a test compares its linker with this table.

use wasmparser::{
    FuncType, MemoryType,
    ValType::{self, I32 as I, I64 as L},
};

/// The module that all of them are imported from.
pub(crate) const WASI_MODULE: &str = "wasi_snapshot_preview1";

/// Module and name of the function that starts a thread, which fails in a job. Only modules with a shared memory have it.
pub(crate) const THREAD_SPAWN: (&str, &str) = ("wasi", "thread-spawn");

/// Module and name of the shared memory that modules with threads import.
const SHARED_MEMORY: (&str, &str) = ("env", "memory");

/// A function of WASI: name, parameters, results.
pub(crate) type Known = (&'static str, &'static [ValType], &'static [ValType]);

/// All that is provided, in alphabetical order.
pub(crate) const WASI: [Known; 46] = [
    ("args_get", &[I, I], &[I]),
    ("args_sizes_get", &[I, I], &[I]),
    ("clock_res_get", &[I, I], &[I]),
    ("clock_time_get", &[I, L, I], &[I]),
    ("environ_get", &[I, I], &[I]),
    ("environ_sizes_get", &[I, I], &[I]),
    ("fd_advise", &[I, L, L, I], &[I]),
    ("fd_allocate", &[I, L, L], &[I]),
    ("fd_close", &[I], &[I]),
    ("fd_datasync", &[I], &[I]),
    ("fd_fdstat_get", &[I, I], &[I]),
    ("fd_fdstat_set_flags", &[I, I], &[I]),
    ("fd_fdstat_set_rights", &[I, L, L], &[I]),
    ("fd_filestat_get", &[I, I], &[I]),
    ("fd_filestat_set_size", &[I, L], &[I]),
    ("fd_filestat_set_times", &[I, L, L, I], &[I]),
    ("fd_pread", &[I, I, I, L, I], &[I]),
    ("fd_prestat_dir_name", &[I, I, I], &[I]),
    ("fd_prestat_get", &[I, I], &[I]),
    ("fd_pwrite", &[I, I, I, L, I], &[I]),
    ("fd_read", &[I, I, I, I], &[I]),
    ("fd_readdir", &[I, I, I, L, I], &[I]),
    ("fd_renumber", &[I, I], &[I]),
    ("fd_seek", &[I, L, I, I], &[I]),
    ("fd_sync", &[I], &[I]),
    ("fd_tell", &[I, I], &[I]),
    ("fd_write", &[I, I, I, I], &[I]),
    ("path_create_directory", &[I, I, I], &[I]),
    ("path_filestat_get", &[I, I, I, I, I], &[I]),
    ("path_filestat_set_times", &[I, I, I, I, L, L, I], &[I]),
    ("path_link", &[I, I, I, I, I, I, I], &[I]),
    ("path_open", &[I, I, I, I, I, L, L, I, I], &[I]),
    ("path_readlink", &[I, I, I, I, I, I], &[I]),
    ("path_remove_directory", &[I, I, I], &[I]),
    ("path_rename", &[I, I, I, I, I, I], &[I]),
    ("path_symlink", &[I, I, I, I, I], &[I]),
    ("path_unlink_file", &[I, I, I], &[I]),
    ("poll_oneoff", &[I, I, I, I], &[I]),
    ("proc_exit", &[I], &[]),
    ("proc_raise", &[I], &[I]),
    ("random_get", &[I, I], &[I]),
    ("sched_yield", &[], &[I]),
    ("sock_accept", &[I, I, I], &[I]),
    ("sock_recv", &[I, I, I, I, I, I], &[I]),
    ("sock_send", &[I, I, I, I, I], &[I]),
    ("sock_shutdown", &[I, I], &[I]),
];

/// The entry of a function of WASI preview 1, if there is one of that name.
pub(super) fn known(name: &str) -> Option<&'static Known> {
    WASI.iter().find(|known| known.0 == name)
}

/// Whether a module may import this function with this type.
pub(super) fn provides(module: &str, name: &str, ty: &FuncType) -> bool {
    module == WASI_MODULE && known(name).is_some_and(|known| known.1 == ty.params() && known.2 == ty.results())
}

/// Whether a module with a shared memory may also import this function.
pub(super) fn provides_to_threads(module: &str, name: &str, ty: &FuncType) -> bool {
    (module, name) == THREAD_SPAWN && ty.params() == [I] && ty.results() == [I]
}

/// Whether a module may import this memory. The pass defines it.
pub(super) fn provides_memory(module: &str, name: &str, ty: MemoryType) -> bool {
    (module, name) == SHARED_MEMORY && ty.shared && !ty.memory64
}

/// Text of a type list: `(i32, i64)`.
pub(super) fn list(types: &[ValType]) -> String {
    let names: Vec<String> = types.iter().map(ToString::to_string).collect();
    format!("({})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_functions_of_trails_in_their_order() {
        let [preview1 @ .., spawn] = bacalhau_receipt::calls::FUNCTIONS;
        assert_eq!((WASI.map(|known| known.0), THREAD_SPAWN.1), (preview1, spawn));
    }

    #[test]
    fn the_table_is_in_alphabetical_order_without_doubles() {
        assert!(WASI.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
