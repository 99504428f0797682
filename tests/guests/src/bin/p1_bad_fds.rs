//! Every call on a descriptor that is not open is refused with `EBADF`, and says so before it looks at anything else.
use wasi::{ERRNO_BADF, wasi_snapshot_preview1 as raw};

fn main() {
    const BADF: i32 = ERRNO_BADF.raw() as i32;
    let mut memory = [0_u64; 16];
    let at = memory.as_mut_ptr() as i32;
    let name = "f".as_ptr() as i32;
    for fd in [4, 1023, 1024, i32::MAX, i32::MIN, -1] {
        unsafe {
            let answers = [
                ("fd_advise", raw::fd_advise(fd, 0, 0, 0)),
                ("fd_allocate", raw::fd_allocate(fd, 0, 1)),
                ("fd_close", raw::fd_close(fd)),
                ("fd_datasync", raw::fd_datasync(fd)),
                ("fd_fdstat_get", raw::fd_fdstat_get(fd, at)),
                ("fd_fdstat_set_flags", raw::fd_fdstat_set_flags(fd, 0)),
                ("fd_fdstat_set_rights", raw::fd_fdstat_set_rights(fd, 0, 0)),
                ("fd_filestat_get", raw::fd_filestat_get(fd, at)),
                ("fd_filestat_set_size", raw::fd_filestat_set_size(fd, 0)),
                ("fd_filestat_set_times", raw::fd_filestat_set_times(fd, 0, 0, 0)),
                ("fd_pread", raw::fd_pread(fd, at, 0, 0, at)),
                ("fd_prestat_get", raw::fd_prestat_get(fd, at)),
                ("fd_prestat_dir_name", raw::fd_prestat_dir_name(fd, at, 8)),
                ("fd_pwrite", raw::fd_pwrite(fd, at, 0, 0, at)),
                ("fd_read", raw::fd_read(fd, at, 0, at)),
                ("fd_readdir", raw::fd_readdir(fd, at, 64, 0, at)),
                ("fd_renumber", raw::fd_renumber(fd, 1)),
                ("fd_seek", raw::fd_seek(fd, 0, 0, at)),
                ("fd_sync", raw::fd_sync(fd)),
                ("fd_tell", raw::fd_tell(fd, at)),
                ("fd_write", raw::fd_write(fd, at, 0, at)),
                ("path_create_directory", raw::path_create_directory(fd, name, 1)),
                ("path_filestat_get", raw::path_filestat_get(fd, 0, name, 1, at)),
                ("path_filestat_set_times", raw::path_filestat_set_times(fd, 0, name, 1, 0, 0, 0)),
                ("path_link", raw::path_link(fd, 0, name, 1, 3, name, 1)),
                ("path_open", raw::path_open(fd, 0, name, 1, 0, 0, 0, 0, at)),
                ("path_readlink", raw::path_readlink(fd, name, 1, at, 64, at)),
                ("path_remove_directory", raw::path_remove_directory(fd, name, 1)),
                ("path_rename", raw::path_rename(fd, name, 1, 3, name, 1)),
                ("path_symlink", raw::path_symlink(name, 1, fd, name, 1)),
                ("path_unlink_file", raw::path_unlink_file(fd, name, 1)),
                ("sock_accept", raw::sock_accept(fd, 0, at)),
                ("sock_shutdown", raw::sock_shutdown(fd, 1)),
            ];
            for (call, answer) in answers {
                assert_eq!(answer, BADF, "{call} of {fd}");
            }
        }
    }
}
