//! Data across the border: borrowed views, owned bytes, handles.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use bacalhau_runtime::HostFailure;

use crate::status::Error;

/// Bytes of another owner. NULL with a length of 0 is empty.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The first byte.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
}

/// Bytes of this library, freed with bh_bytes_free.
#[repr(C)]
#[derive(Debug)]
pub struct Bytes {
    /// The first byte.
    pub ptr: *mut u8,
    /// Number of bytes.
    pub len: usize,
    /// Of this library.
    pub capacity: usize,
}

impl View {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// The bytes.
    ///
    /// # Safety
    /// The caller of the library has passed a view that is valid until the call returns.
    pub(crate) unsafe fn bytes<'a>(self, what: &str) -> Result<&'a [u8], Error> {
        match (self.ptr.is_null(), self.len) {
            (_, 0) => Ok(&[]),
            (true, len) => Err(Error::misuse(format!("{what} is NULL with a length of {len}"))),
            (false, len) if len > isize::MAX.unsigned_abs() => {
                Err(Error::misuse(format!("{what} has a length of {len}, more than there is memory")))
            }
            // SAFETY: as promised by the caller.
            (false, len) => Ok(unsafe { std::slice::from_raw_parts(self.ptr, len) }),
        }
    }

    /// The text.
    ///
    /// # Safety
    /// As for `bytes`.
    pub(crate) unsafe fn text<'a>(self, what: &str) -> Result<&'a str, Error> {
        // SAFETY: as promised by the caller.
        let bytes = unsafe { self.bytes(what) }?;
        std::str::from_utf8(bytes).map_err(|error| Error::misuse(format!("{what} is not UTF-8: {error}")))
    }
}

impl Bytes {
    pub(crate) const EMPTY: Self = Self { ptr: ptr::null_mut(), len: 0, capacity: 0 };

    fn of(bytes: Vec<u8>) -> Self {
        if bytes.capacity() == 0 {
            return Self::EMPTY;
        }
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        Self { ptr: bytes.as_mut_ptr(), len: bytes.len(), capacity: bytes.capacity() }
    }
}

/// Frees bytes of this library. Empty ones, and those with a NULL pointer, do nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_bytes_free(bytes: Bytes) {
    if !bytes.ptr.is_null() {
        // SAFETY: the caller passes what `Bytes::of` has made, once.
        drop(unsafe { Vec::from_raw_parts(bytes.ptr, bytes.len, bytes.capacity) });
    }
}

/// A file of this library for an open descriptor of the caller.
pub(crate) fn duplicate(fd: i32) -> Result<File, Error> {
    if fd < 0 {
        return Err(Error::misuse(format!("fd is {fd}, which is not a descriptor")));
    }
    // SAFETY: the caller passes a descriptor that is open until the call returns; -1 is excluded.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let owned = borrowed.try_clone_to_owned();
    owned.map(File::from).map_err(|error| HostFailure::io(format!("duplicate the descriptor {fd}"), error).into())
}

/// The object behind a handle.
///
/// # Safety
/// The caller of the library has passed NULL or a handle that is not freed until the call returns.
pub(crate) unsafe fn handle<'a, T>(handle: *const T, what: &str) -> Result<&'a T, Error> {
    // SAFETY: as promised by the caller.
    unsafe { handle.as_ref() }.ok_or_else(|| Error::misuse(format!("{what} is NULL")))
}

/// Gives an object away as a handle.
///
/// # Safety
/// The caller of the library has passed NULL, to drop the object, or a place for a pointer.
pub(crate) unsafe fn give<T>(out: *mut *mut T, object: T) {
    if !out.is_null() {
        // SAFETY: as promised by the caller.
        unsafe { out.write(Box::into_raw(Box::new(object))) };
    }
}

/// Gives bytes away.
///
/// # Safety
/// As for `give`.
pub(crate) unsafe fn give_bytes(out: *mut Bytes, bytes: impl Into<Vec<u8>>) {
    if !out.is_null() {
        // SAFETY: as promised by the caller.
        unsafe { out.write(Bytes::of(bytes.into())) };
    }
}

/// Empties a place before a call that may fail, so that a caller who frees it whatever happened frees nothing.
///
/// # Safety
/// As for `give`.
pub(crate) unsafe fn clear<T>(out: *mut *mut T) {
    if !out.is_null() {
        // SAFETY: as promised by the caller.
        unsafe { out.write(ptr::null_mut()) };
    }
}

/// [`clear`] for bytes.
///
/// # Safety
/// As for `give`.
pub(crate) unsafe fn clear_bytes(out: *mut Bytes) {
    if !out.is_null() {
        // SAFETY: as promised by the caller.
        unsafe { out.write(Bytes::EMPTY) };
    }
}

/// Frees an object. A panic while it is dropped ends here.
///
/// # Safety
/// The caller of the library has passed NULL or a handle, once.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: `give` has made it.
        let object = unsafe { Box::from_raw(handle) };
        // There is no caller to tell it to.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(object)));
    }
}
