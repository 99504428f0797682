//! Arguments and environment as the calls hand them out: counts, sizes with NULs, pointers in order. The job gives three
//! arguments, of which one is empty, and the environment `B=2`, `A=1`, `C=`.
use std::ffi::CStr;

use guests::granted;

type Sizes = unsafe fn() -> Result<(usize, usize), wasi::Errno>;
type Get = unsafe fn(*mut *mut u8, *mut u8) -> Result<(), wasi::Errno>;

fn fetch(sizes: Sizes, get: Get) -> (usize, Vec<String>) {
    unsafe {
        let (count, len) = granted(sizes());
        let mut pointers = vec![std::ptr::null_mut(); count];
        let mut buf = vec![0xff_u8; len + 1];
        granted(get(pointers.as_mut_ptr(), buf.as_mut_ptr()));
        assert_eq!(buf[len], 0xff, "exactly as many bytes as were announced");
        let text = |at: &*mut u8| CStr::from_ptr(at.cast()).to_str().unwrap().to_string();
        (len, pointers.iter().map(text).collect())
    }
}

fn main() {
    let (len, args) = fetch(wasi::args_sizes_get, wasi::args_get);
    assert_eq!((len, args), (10 + 2 + 1 + 4, ["main.wasm", "a", "", "c d"].map(str::to_string).to_vec()));
    let (len, env) = fetch(wasi::environ_sizes_get, wasi::environ_get);
    assert_eq!((len, env), (4 + 4 + 3, ["A=1", "B=2", "C="].map(str::to_string).to_vec()));
}
