//! Jobs as JSON.

use bacalhau_runtime::Job;

use crate::data::{Bytes, View, clear_bytes, give_bytes};
use crate::status::{Error, guard};

/// Reads a job that may have only what differs from the defaults, checks it, and writes it with all fields as `json`. `cid`
/// is the CID that names it, and empty as long as the content of an input is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_job_normalize(
    job_json: View,
    json: *mut Bytes,
    cid: *mut Bytes,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let text = unsafe {
            clear_bytes(json);
            clear_bytes(cid);
            job_json.bytes("job_json")?
        };
        let job = Job::from_json(text, None)?;
        job.check()?;
        let full = job.to_json()?;
        // SAFETY: by the rules of the header.
        unsafe {
            give_bytes(json, full);
            if let Ok(name) = job.cid() {
                give_bytes(cid, name.to_string());
            }
        }
        Ok(())
    })
}
