//! Receipts: plain data, without a runtime.

use std::path::Path;

use bacalhau_identity::{Identity, receipts as signatures};
use bacalhau_runtime::{ReceiptError, ResultFile, dirhash};
use serde_json::json;

use crate::data::{Bytes, View, clear, clear_bytes, free, give, give_bytes, handle};
use crate::status::{BH_FORGED, BH_HOST, BH_REFUSED, Error, guard};

/// The record of a run: its claim, signatures, and what differs from machine to machine.
#[derive(Debug)]
pub struct Receipt(pub(crate) bacalhau_runtime::Receipt);

/// Reads a receipt in JSON or DAG-CBOR. BH_FORGED if the job in it was changed after it was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_receipt_parse(bytes: View, out: *mut *mut Receipt, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let bytes = unsafe {
            clear(out);
            bytes.bytes("bytes")?
        };
        let receipt = bacalhau_runtime::Receipt::parse(bytes).map_err(|error| {
            let code = if matches!(error, ReceiptError::JobAltered { .. }) { BH_FORGED } else { BH_REFUSED };
            Error::new(code, error.to_string())
        })?;
        // SAFETY: by the rules of the header.
        unsafe { give(out, Receipt(receipt)) };
        Ok(())
    })
}

/// Writes a receipt as DAG-CBOR (`cbor` not 0) or as JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_receipt_encode(
    receipt: *const Receipt,
    cbor: i32,
    out: *mut Bytes,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let Receipt(receipt) = unsafe {
            clear_bytes(out);
            handle(receipt, "receipt")?
        };
        let bytes = if cbor == 0 { receipt.to_json().into_bytes() } else { receipt.to_dag_cbor() };
        // SAFETY: by the rules of the header.
        unsafe { give_bytes(out, bytes) };
        Ok(())
    })
}

/// Writes the claim of a receipt as DAG-CBOR: the bytes are equal for two correct runs of one job.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_receipt_claim(receipt: *const Receipt, out: *mut Bytes, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        unsafe {
            clear_bytes(out);
            give_bytes(out, handle(receipt, "receipt")?.0.claim.to_dag_cbor());
        }
        Ok(())
    })
}

/// Compares the claims of two receipts: a JSON list of objects with `what`, `expected` and `found`, which is empty if they
/// are equal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_receipt_diff(
    receipt: *const Receipt,
    other: *const Receipt,
    json: *mut Bytes,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (receipt, other) = unsafe {
            clear_bytes(json);
            (handle(receipt, "receipt")?, handle(other, "other")?)
        };
        let differences = receipt.0.differences(&other.0);
        let text = serde_json::to_vec(&differences)
            .map_err(|error| Error::new(BH_HOST, format!("cannot write the differences: {error}")))?;
        // SAFETY: by the rules of the header.
        unsafe { give_bytes(json, text) };
        Ok(())
    })
}

/// Writes the peer IDs of those who have signed a receipt as a JSON list of texts, each once. BH_FORGED if a signature is not of the
/// claim.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_receipt_signers(receipt: *const Receipt, json: *mut Bytes, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let Receipt(receipt) = unsafe {
            clear_bytes(json);
            handle(receipt, "receipt")?
        };
        let signers = signatures::check(receipt).map_err(|error| Error::new(BH_FORGED, error.to_string()))?;
        let names: Vec<String> = signers.iter().map(ToString::to_string).collect();
        // SAFETY: by the rules of the header.
        unsafe { give_bytes(json, json!(names).to_string()) };
        Ok(())
    })
}

/// Makes `out` the receipt with a signature of its claim by the ed25519 key in the file `key_file`, which is made if it is
/// missing, readable only by its owner. The receipt itself does not change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_receipt_sign(
    receipt: *const Receipt,
    key_file: View,
    out: *mut *mut Receipt,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (Receipt(receipt), key_file) = unsafe {
            clear(out);
            (handle(receipt, "receipt")?, key_file.text("key_file")?)
        };
        let key = Identity::from_file(Path::new(key_file)).map_err(|error| Error::new(BH_HOST, error.to_string()))?;
        let mut signed = receipt.clone();
        signatures::sign(&mut signed, &key);
        // SAFETY: by the rules of the header.
        unsafe { give(out, Receipt(signed)) };
        Ok(())
    })
}

/// Compares the results directory `dir` with the claim of a receipt. BH_FORGED, with the first difference, if it is not the
/// one of the claim. It does not show that the program makes such results: run the job of the receipt again for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_receipt_verify(receipt: *const Receipt, dir: View, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (Receipt(receipt), dir) = unsafe { (handle(receipt, "receipt")?, dir.text("dir")?) };
        let found = dirhash::hash_dir(Path::new(dir), "results")
            .map_err(|error| Error::new(BH_HOST, format!("cannot hash {dir}: {error}")))?;
        let claim = &receipt.claim;
        let files: Vec<ResultFile> = found.files.iter().map(ResultFile::from).collect();
        let what = match claim.file_differences(&files).first() {
            None if found.h1 == claim.h1 => return Ok(()),
            None => format!("h1 is {}, and the receipt claims {}", found.h1, claim.h1),
            Some(first) => format!("{} is {}, and the receipt claims {}", first.what, first.found, first.expected),
        };
        Err(Error::new(BH_FORGED, format!("{dir} does not have the results of the receipt: {what}")))
    })
}

/// Frees a receipt.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_receipt_free(receipt: *mut Receipt) {
    // SAFETY: by the rules of the header.
    unsafe { free(receipt) }
}
