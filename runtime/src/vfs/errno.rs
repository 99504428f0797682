//! The one table of error codes that a guest can see, with the numbers of WASI preview 1. No code of the host's
//! operating system is ever translated into one: each is decided by the rules of `vfs` and `wasi`.

/// The `errno` values of preview 1 that the sandbox returns. Source: `wasi_snapshot_preview1.witx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    Success = 0,
    Badf = 8,
    Busy = 10,
    Exist = 20,
    Fault = 21,
    Fbig = 22,
    Ilseq = 25,
    Inval = 28,
    Isdir = 31,
    Loop = 32,
    Mfile = 33,
    Nametoolong = 37,
    Noent = 44,
    Notdir = 54,
    Notempty = 55,
    Notsock = 57,
    Notsup = 58,
    Overflow = 61,
    Perm = 63,
    Rofs = 69,
    Spipe = 70,
    Xdev = 75,
    Notcapable = 76,
}
