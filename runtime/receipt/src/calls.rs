//! The functions of the host by name and number. A function's number in trails is its index here.

/// All 46 functions of WASI preview 1, in alphabetical order, and that of wasi-threads.
pub const FUNCTIONS: [&str; 47] = [
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "poll_oneoff",
    "proc_exit",
    "proc_raise",
    "random_get",
    "sched_yield",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
    "thread-spawn",
];

/// The number of a function in trails.
///
/// # Panics
/// For an unknown function; used in constants, this is a compile error.
pub const fn number(name: &str) -> u8 {
    let mut at: u8 = 0;
    while (at as usize) < FUNCTIONS.len() {
        if same(FUNCTIONS[at as usize].as_bytes(), name.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("no function of the host has this name")
}

/// Equality in constant functions.
const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}
