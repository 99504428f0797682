//! Nobody can be signalled; yielding gives way to nobody.
use guests::{granted, refused};

fn main() {
    unsafe {
        granted(wasi::sched_yield());
        for signal in [wasi::SIGNAL_ABRT, wasi::SIGNAL_KILL, wasi::SIGNAL_NONE] {
            let errno = refused(wasi::proc_raise(signal));
            assert_eq!(errno, wasi::ERRNO_NOTSUP, "{signal:?}");
        }
    }
}
