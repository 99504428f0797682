//! Raw calls of WASI preview 1: every guest knows the code that each of its calls has to answer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_runtime::{Outcome, Profile, Trap};
use bacalhau_tests::{Run, for_each_p1, guests, small_tree, succeed, tree};

macro_rules! has_a_test {
    ($name:ident) => {
        #[expect(unused_imports, reason = "does not compile when the guest has no test")]
        use self::$name as _;
    };
}
for_each_p1!(has_a_test);

succeed! {
    p1_append = P1_APPEND
    p1_bad_fds = P1_BAD_FDS
    p1_bad_pointers = P1_BAD_POINTERS
    p1_clock = P1_CLOCK
    p1_directories = P1_DIRECTORIES
    p1_escape = P1_ESCAPE
    p1_fd_numbers = P1_FD_NUMBERS
    p1_fdstat = P1_FDSTAT
    p1_filestat = P1_FILESTAT
    p1_links = P1_LINKS
    p1_names = P1_NAMES
    p1_open_flags = P1_OPEN_FLAGS
    p1_poll = P1_POLL
    p1_pread_pwrite = P1_PREAD_PWRITE
    p1_preopen = P1_PREOPEN
    p1_read_write = P1_READ_WRITE
    p1_readdir = P1_READDIR
    p1_readdir_deletion = P1_READDIR_DELETION
    p1_rename = P1_RENAME
    p1_rights = P1_RIGHTS
    p1_seek_tell = P1_SEEK_TELL
    p1_signals = P1_SIGNALS
    p1_sockets = P1_SOCKETS
    p1_symlinks = P1_SYMLINKS
    p1_sync_advise = P1_SYNC_ADVISE
    p1_times = P1_TIMES
    p1_truncate_allocate = P1_TRUNCATE_ALLOCATE
    p1_unlink = P1_UNLINK
}

#[test]
fn p1_args_env() {
    Run::of(guests::P1_ARGS_ENV).arg("a").arg("").arg("c d").env("B", "2").env("A", "1").env("C", "").succeed();
}

#[test]
fn p1_mounts() {
    let (inputs, file) = (small_tree(), tree(&[("one", "one\n")]));
    Run::of(guests::P1_MOUNTS)
        .input("/inputs", inputs.path())
        .input("/data/one.txt", &file.path().join("one"))
        .succeed();
    assert_eq!(std::fs::read(inputs.path().join("f")).unwrap(), b"input\n");
    assert_eq!(std::fs::read(file.path().join("one")).unwrap(), b"one\n");
}

#[test]
fn p1_renumber() {
    let ended = Run::of(guests::P1_RENUMBER).succeed();
    assert_eq!(ended.text("stdout"), "to the log of the job\n");
}

#[test]
fn p1_edition_2() {
    let run = || Run::of(guests::P1_EDITION_2);
    let ended = run().job(|job| job.profile = Profile::V2.id()).succeed();
    assert_eq!(ended.text("stdout"), "to the log of the job\ndone\n");
    // Under V1 the first of these answers EBADF, as it always did.
    assert_eq!(run().end().outcome(), Outcome::Trap(Trap::Unreachable));
}

#[test]
fn p1_stdio() {
    let ended = Run::of(guests::P1_STDIO).succeed();
    assert_eq!(ended.bytes("stdout"), b"out 1\n\xff\0out 2\n");
    assert_eq!(ended.bytes("stderr"), b"err\n");
}
