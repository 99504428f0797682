//! The header by which a node with `PDPUploadRequireAuth` recognizes the payer of a data set before it takes data.
//! Other nodes ignore it.

use bacalhau_values::hex::Hex;

use super::{BackendError, Domain, PayerKey, Uint256};

/// Name of the header.
pub(super) const HEADER: &str = "x-pdp-upload-auth";

/// The value of the header for an upload to `data_set`, valid until `expiry` in Unix seconds.
///
/// # Errors
/// When the key does not sign.
pub fn upload_auth(
    key: &PayerKey,
    domain: &Domain,
    data_set: u64,
    nonce: &Uint256,
    expiry: u64,
) -> Result<String, BackendError> {
    let signature = key.sign(&domain.upload(data_set, nonce, expiry))?;
    Ok(format!("{data_set}.{nonce}.{expiry}.0x{}", Hex(&signature)))
}
