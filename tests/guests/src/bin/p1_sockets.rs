//! There is no network: what is open is no socket, what is not open is nothing.
use guests::{NOBODY, ROOT, granted, open, put, refused};
use wasi::{Ciovec, ERRNO_BADF, ERRNO_NOTSOCK, Iovec, SDFLAGS_RD};

fn main() {
    put("f", b"");
    let file = granted(open("f", 0));
    let mut byte = [0_u8];
    for fd in [0, 1, 2, ROOT, file, NOBODY] {
        let errno = if fd == NOBODY { ERRNO_BADF } else { ERRNO_NOTSOCK };
        unsafe {
            assert_eq!(refused(wasi::sock_accept(fd, 0)), errno, "{fd}");
            assert_eq!(refused(wasi::sock_recv(fd, &[Iovec { buf: byte.as_mut_ptr(), buf_len: 1 }], 0)), errno, "{fd}");
            assert_eq!(refused(wasi::sock_send(fd, &[Ciovec { buf: byte.as_ptr(), buf_len: 1 }], 0)), errno, "{fd}");
            assert_eq!(refused(wasi::sock_shutdown(fd, SDFLAGS_RD)), errno, "{fd}");
        }
    }
}
