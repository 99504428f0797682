//! Pointers, lengths and counts that lie outside of memory or wrap around: `EFAULT`, and nothing else happens.
use guests::{LOOK, get, granted, now, open, put};
use wasi::{ERRNO_FAULT, OFLAGS_CREAT, wasi_snapshot_preview1 as raw};

fn main() {
    const FAULT: i32 = ERRNO_FAULT.raw() as i32;
    let end = (core::arch::wasm32::memory_size(0) * 65536) as i32;
    put("f", b"0123456789");
    let fd = granted(open("f", OFLAGS_CREAT)) as i32;
    let mut word = [0_u32; 16];
    let own = word.as_mut_ptr() as i32;
    let name = "f".as_ptr() as i32;
    let before = now();
    unsafe {
        for bad in [end, end - 1, -1, -4] {
            assert_eq!(raw::args_sizes_get(bad, own), FAULT, "args_sizes_get {bad}");
            assert_eq!(raw::args_sizes_get(own, bad), FAULT);
            assert_eq!(raw::args_get(bad, own), FAULT);
            assert_eq!(raw::environ_sizes_get(bad, own), FAULT);
            assert_eq!(raw::clock_time_get(0, 0, bad), FAULT);
            assert_eq!(raw::clock_res_get(0, bad), FAULT);
            assert_eq!(raw::fd_fdstat_get(fd, bad), FAULT);
            assert_eq!(raw::fd_filestat_get(fd, bad), FAULT);
            assert_eq!(raw::fd_prestat_get(3, bad), FAULT);
            assert_eq!(raw::fd_seek(fd, 0, 1, bad), FAULT);
            assert_eq!(raw::fd_tell(fd, bad), FAULT);
            assert_eq!(raw::fd_read(fd, bad, 1, own), FAULT);
            assert_eq!(raw::fd_write(fd, bad, 1, own), FAULT);
            assert_eq!(raw::path_filestat_get(3, 0, name, 1, bad), FAULT);
            assert_eq!(raw::path_filestat_get(3, 0, bad, 8, own), FAULT);
            assert_eq!(raw::path_create_directory(3, bad, 8), FAULT);
            assert_eq!(raw::path_open(3, 0, name, 1, 0, 2, 0, 0, bad), FAULT);
            assert_eq!(raw::poll_oneoff(bad, own, 1, own), FAULT);
            assert_eq!(raw::random_get(bad, 8), FAULT);
        }
        // A length that reaches out, or wraps around.
        assert_eq!(raw::random_get(own, -1), FAULT);
        assert_eq!(raw::random_get(64, end), FAULT);
        assert_eq!(raw::path_unlink_file(3, name, -1), FAULT);
        assert_eq!(raw::fd_readdir(3, 64, end, 0, own), FAULT);
        // Buffers of buffers: the list lies inside, what it names does not; or the list is endless.
        for (buf, len) in [(end.cast_unsigned(), 1), (64, end.cast_unsigned()), (u32::MAX, 2)] {
            word[0] = buf;
            word[1] = len;
            assert_eq!(raw::fd_write(fd, own, 1, own + 16), FAULT, "{buf} {len}");
            assert_eq!(raw::fd_read(fd, own, 1, own + 16), FAULT, "{buf} {len}");
            assert_eq!(raw::fd_pwrite(fd, own, 1, 0, own + 16), FAULT, "{buf} {len}");
        }
        assert_eq!(raw::fd_write(fd, own, -1, own + 16), FAULT);
        assert_eq!(raw::fd_read(fd, own, 0x2000_0001, own + 16), FAULT, "8 times the count wraps around");
        assert_eq!(raw::poll_oneoff(own, own, 0x0800_0000, own), FAULT, "48 times the count wraps around");
    }
    assert_eq!(get("f"), b"0123456789", "nothing was written");
    assert!(now() - before <= 8 * LOOK);
}
