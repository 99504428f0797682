//! Status codes and errors. Every function that can fail goes through `guard`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use bacalhau_runtime::HostFailure;

use crate::data::View;

/// It succeeded.
pub const BH_OK: i32 = 0;
/// The module, job or input is invalid on every machine.
pub const BH_REFUSED: i32 = 1;
/// This machine failed. Another one, or the same one later, may succeed.
pub const BH_HOST: i32 = 2;
/// The run took longer than its timeout.
pub const BH_TIMEOUT: i32 = 3;
/// The run was cancelled.
pub const BH_CANCELLED: i32 = 4;
/// The call itself is invalid: a NULL handle, text that is not UTF-8, results of a run that has not ended.
pub const BH_MISUSE: i32 = 5;
/// A receipt or result is not what it claims to be.
pub const BH_FORGED: i32 = 6;
/// The run has not ended yet. There is no error.
pub const BH_PENDING: i32 = 7;

/// Why a call failed. Freed with bh_error_free.
#[derive(Debug)]
pub struct Error {
    code: i32,
    text: String,
}

impl Error {
    pub(crate) fn new(code: i32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    pub(crate) fn misuse(text: impl Into<String>) -> Self {
        Self::new(BH_MISUSE, text)
    }
}

impl From<&bacalhau_runtime::Error> for Error {
    fn from(error: &bacalhau_runtime::Error) -> Self {
        let code = match error {
            bacalhau_runtime::Error::Refused(_) => BH_REFUSED,
            _ if error.is_timeout() => BH_TIMEOUT,
            _ if error.is_cancelled() => BH_CANCELLED,
            bacalhau_runtime::Error::Host(_) => BH_HOST,
        };
        Self::new(code, error.to_string())
    }
}

impl From<bacalhau_runtime::Error> for Error {
    fn from(error: bacalhau_runtime::Error) -> Self {
        Self::from(&error)
    }
}

impl From<HostFailure> for Error {
    fn from(failure: HostFailure) -> Self {
        bacalhau_runtime::Error::from(failure).into()
    }
}

impl From<bacalhau_runtime::JobError> for Error {
    fn from(error: bacalhau_runtime::JobError) -> Self {
        Self::new(BH_REFUSED, error.to_string())
    }
}

/// Does `work`, stores its error in `err`, and returns its status.
pub(crate) fn guard(err: *mut *mut Error, work: impl FnOnce() -> Result<(), Error>) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::new(BH_HOST, "internal error: a call of the runtime panicked")));
    let (code, error) = match outcome {
        Ok(()) => (BH_OK, ptr::null_mut()),
        Err(error) => (error.code, if err.is_null() { ptr::null_mut() } else { Box::into_raw(Box::new(error)) }),
    };
    if !err.is_null() {
        // SAFETY: the caller passes NULL or a place for a pointer.
        unsafe { err.write(error) };
    }
    code
}

/// The status of the call that made the error; BH_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_error_code(error: *const Error) -> i32 {
    // SAFETY: the caller passes NULL or an error that is not freed.
    unsafe { error.as_ref() }.map_or(BH_OK, |error| error.code)
}

/// What failed, on what, and what to do. Lives as long as the error; empty for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_error_text(error: *const Error) -> View {
    // SAFETY: the caller passes NULL or an error that is not freed.
    unsafe { error.as_ref() }.map_or(View::of(b""), |error| View::of(error.text.as_bytes()))
}

/// Frees an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_error_free(error: *mut Error) {
    // SAFETY: the caller passes NULL or an error that is not freed.
    unsafe { crate::data::free(error) }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
