//! CA certificates of a client, from a PEM file.

use std::path::Path;
use std::sync::Arc;

use bacalhau_tree::HostFailure;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use bacalhau_api::pem;

/// The certificates in the PEM file at `path`.
///
/// # Errors
/// When it cannot be read, is larger than 1 MiB, or has no valid certificate.
pub(super) fn authorities(path: &Path) -> Result<RootCerts, HostFailure> {
    let wrong = |why: &str| pem::wrong(path, why);
    let (bytes, _) = pem::read("read the CA certificates in", path)?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&bytes) {
        match item.map_err(|error| wrong(&format!("it is not a PEM file: {error}")))? {
            PemItem::Certificate(certificate) => certificates.push(certificate),
            _ => return Err(wrong("it contains more than certificates: name a file with only the CA's certificate")),
        }
    }
    if certificates.is_empty() {
        return Err(wrong("it contains no certificate: name a PEM file with that of the CA"));
    }
    // The client library ignores invalid certificates.
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        let added = store.add(CertificateDer::from(certificate.der()));
        added.map_err(|error| wrong(&format!("a certificate in it is invalid: {error}")))?;
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}
