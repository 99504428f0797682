//! Hashes of directories.

use std::path::Path;

use bacalhau_runtime::dirhash;

use crate::data::{Bytes, View, clear_bytes, give_bytes};
use crate::status::{BH_HOST, Error, guard};

/// Go's `h1:` hash of the directory `dir`, whose files are named with `prefix` in it: `results` for results.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_dirhash(dir: View, prefix: View, h1: *mut Bytes, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (dir, prefix) = unsafe {
            clear_bytes(h1);
            (dir.text("dir")?, prefix.text("prefix")?)
        };
        let hashed = dirhash::hash_dir(Path::new(dir), prefix)
            .map_err(|error| Error::new(BH_HOST, format!("cannot hash {dir}: {error}")))?;
        // SAFETY: by the rules of the header.
        unsafe { give_bytes(h1, hashed.h1) };
        Ok(())
    })
}
