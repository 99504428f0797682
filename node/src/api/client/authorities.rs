//! The CAs whose certificates a client accepts, from a file.

use std::path::Path;
use std::sync::Arc;

use bacalhau_runtime::HostFailure;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use super::super::pem;

/// Those in the PEM file at `path`.
///
/// # Errors
/// When it cannot be read, is larger than 1 MiB, or has a certificate that cannot be used, or none.
pub(super) fn authorities(path: &Path) -> Result<RootCerts, HostFailure> {
    let wrong = |why: &str| pem::wrong(path, why);
    let (bytes, _) = pem::read("read the CA certificates in", path)?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&bytes) {
        match item.map_err(|error| wrong(&format!("this is not a PEM file: {error}")))? {
            PemItem::Certificate(certificate) => certificates.push(certificate),
            _ => return Err(wrong("it has more than certificates: name a file of the CA's certificate alone")),
        }
    }
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it: name a PEM file with that of the CA"));
    }
    // The client's library passes over what it cannot read.
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        let added = store.add(CertificateDer::from(certificate.der()));
        added.map_err(|error| wrong(&format!("a certificate in it cannot be used: {error}")))?;
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}
