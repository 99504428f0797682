//! Clocks: resolution, and which ids exist.
use guests::{EPOCH, LOOK, granted};
use wasi::{
    CLOCKID_MONOTONIC, CLOCKID_PROCESS_CPUTIME_ID, CLOCKID_REALTIME, CLOCKID_THREAD_CPUTIME_ID, ERRNO_BADF,
    ERRNO_INVAL, ERRNO_NOTSUP, wasi_snapshot_preview1 as raw,
};

fn main() {
    unsafe {
        for id in [CLOCKID_REALTIME, CLOCKID_MONOTONIC] {
            assert_eq!(granted(wasi::clock_res_get(id)), LOOK, "{id:?}");
        }
        assert_eq!(granted(wasi::clock_time_get(CLOCKID_REALTIME, 0)), EPOCH, "resolution cost no look");
        for id in [CLOCKID_PROCESS_CPUTIME_ID, CLOCKID_THREAD_CPUTIME_ID] {
            let (time, resolution) = (wasi::clock_time_get(id, 0), wasi::clock_res_get(id));
            assert_eq!(time.is_ok(), resolution.is_ok(), "{id:?}");
            assert!(time.is_ok() || [ERRNO_NOTSUP, ERRNO_BADF, ERRNO_INVAL].contains(&time.unwrap_err()), "{id:?}");
        }
        let mut time = 0_u64;
        for id in [4, 99, -1] {
            assert_eq!(raw::clock_time_get(id, 0, (&raw mut time) as i32), i32::from(ERRNO_INVAL.raw()), "{id}");
            assert_eq!(raw::clock_res_get(id, (&raw mut time) as i32), i32::from(ERRNO_INVAL.raw()), "{id}");
        }
    }
}
