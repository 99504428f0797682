//! Clocks: resolution, and which ids exist.
use guests::{EPOCH, LOOK, granted};
use wasi::{
    CLOCKID_MONOTONIC, CLOCKID_PROCESS_CPUTIME_ID, CLOCKID_REALTIME, CLOCKID_THREAD_CPUTIME_ID, ERRNO_INVAL,
    wasi_snapshot_preview1 as raw,
};

fn main() {
    unsafe {
        for id in [CLOCKID_REALTIME, CLOCKID_MONOTONIC] {
            assert_eq!(granted(wasi::clock_res_get(id)), LOOK, "{id:?}");
        }
        assert_eq!(granted(wasi::clock_time_get(CLOCKID_REALTIME, 0)), EPOCH, "resolution cost no look");
        // Those of processor time run with the monotonic one, which begins at 0.
        for (looks, id) in (1..).zip([CLOCKID_MONOTONIC, CLOCKID_PROCESS_CPUTIME_ID, CLOCKID_THREAD_CPUTIME_ID]) {
            assert_eq!(granted(wasi::clock_res_get(id)), LOOK, "{id:?}");
            assert_eq!(granted(wasi::clock_time_get(id, 0)), looks * LOOK, "{id:?}");
        }
        let mut time = 0_u64;
        for id in [4, 99, -1] {
            assert_eq!(raw::clock_time_get(id, 0, (&raw mut time) as i32), i32::from(ERRNO_INVAL.raw()), "{id}");
            assert_eq!(raw::clock_res_get(id, (&raw mut time) as i32), i32::from(ERRNO_INVAL.raw()), "{id}");
        }
    }
}
