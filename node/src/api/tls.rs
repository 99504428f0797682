//! TLS of the API: the certificate that the server shows, and handshakes with its clients.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bacalhau_runtime::HostFailure;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::error::ApiError;
use super::limits::Limits;
use super::pem::{read, wrong};
use crate::http::Patient;

/// The first byte of a TLS connection: a record of the handshake.
const HANDSHAKE_RECORD: u8 = 22;
/// Bytes of a plain request that are read before it is answered.
const PLAIN_BYTES: usize = 16 << 10;

/// The certificate of a server, with those that lead to its CA, and its private key. TLS 1.2 and 1.3.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// The chain of certificates in the PEM file `cert`, the server's first, with the private key in the PEM file `key`.
    ///
    /// # Errors
    /// When a file cannot be read, has nothing of that kind, is larger than 1 MiB, other users can read the key, or the key is not
    /// that of the certificate.
    pub fn from_files(cert: &Path, key: &Path) -> Result<Self, HostFailure> {
        let (chain, _) = read("read the certificate in", cert)?;
        let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| wrong(cert, &format!("this is not a PEM file: {error}")))?;
        if chain.is_empty() {
            return Err(wrong(
                cert,
                "there is no certificate in it: name a PEM file that has the server's certificate",
            ));
        }
        let (secret, mode) = read("read the private key in", key)?;
        // A group may read it: that is how several services share a certificate.
        if mode & 0o007 != 0 {
            return Err(wrong(key, &format!("all users may use the private key in it (mode {mode:o}): chmod 600")));
        }
        let secret = PrivateKeyDer::from_pem_slice(&secret)
            .map_err(|error| wrong(key, &format!("there is no private key in it, without a password: {error}")))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret));
        let failed = |error| wrong(cert, &format!("the key in {} does not serve it: {error}", key.display()));
        let mut config = config.map_err(failed)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Does the handshake with a client. One that speaks plain HTTP is told so.
    ///
    /// # Errors
    /// When the handshake fails, or takes longer than the head of a request may.
    pub(super) async fn accept(&self, stream: TcpStream, limits: &Limits) -> io::Result<TlsStream<Patient>> {
        let handshake = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE_RECORD] {
                tell_plain(stream).await?;
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.0.accept(Patient::new(stream, limits.patience)).await
        };
        tokio::time::timeout(limits.head_patience, handshake).await?
    }
}

/// Tells a client without TLS what is spoken here.
async fn tell_plain(mut stream: TcpStream) -> io::Result<()> {
    let error = ApiError::bad("this API speaks TLS, and the request is plain HTTP").hint("use https:// in its address");
    // A request that has not been read would cut the answer off.
    stream.try_read(&mut [0; PLAIN_BYTES])?;
    stream.write_all(error.as_http1().as_bytes()).await?;
    stream.shutdown().await
}

/// Never shows the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
