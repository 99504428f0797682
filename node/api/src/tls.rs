//! TLS of the API: the server's certificate, and handshakes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bacalhau_tree::HostFailure;
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
use super::reloaded::Reloaded;
use bacalhau_http::TimeoutIo;

/// The first byte of a TLS connection: a handshake record.
const HANDSHAKE_RECORD: u8 = 22;
/// Maximum bytes of a plain request that are read before it is answered.
const PLAIN_BYTES: usize = 16 << 10;

/// The certificate chain of a server and its private key, read again when the files change. TLS 1.2 and 1.3.
#[derive(Clone, Debug)]
pub struct Tls(Arc<Reloaded<TlsAcceptor>>);

impl Tls {
    /// The certificate chain in the PEM file `cert`, leaf first, and the private key in the PEM file `key`.
    ///
    /// # Errors
    /// When a file cannot be read, is larger than 1 MiB or has no certificate or key, other users can read the key, or
    /// the key does not match.
    pub fn from_files(cert: &Path, key: &Path) -> Result<Self, HostFailure> {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        let files = vec![cert.clone(), key.clone()];
        Ok(Self(Arc::new(Reloaded::new(files, move || acceptor(&cert, &key))?)))
    }

    /// Does the handshake with a client. A plain HTTP request is answered with an error.
    ///
    /// # Errors
    /// When the handshake fails, or exceeds the timeout for a request head.
    pub(super) async fn accept(&self, stream: TcpStream, limits: &Limits) -> io::Result<TlsStream<TimeoutIo>> {
        let handshake = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE_RECORD] {
                tell_plain(stream).await?;
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.0.get().accept(TimeoutIo::new(stream, limits.patience)).await
        };
        tokio::time::timeout(limits.head_patience, handshake).await?
    }
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, HostFailure> {
    let (chain, _) = read("read the certificate in", cert)?;
    let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| wrong(cert, &format!("it is not a PEM file: {error}")))?;
    if chain.is_empty() {
        return Err(wrong(cert, "it contains no certificate: name a PEM file with the server's certificate"));
    }
    let (secret, mode) = read("read the private key in", key)?;
    // Group access is allowed, so that several services can share a certificate.
    if mode & 0o007 != 0 {
        return Err(wrong(key, &format!("all users can access the private key in it (mode {mode:o}): chmod 600")));
    }
    let secret = PrivateKeyDer::from_pem_slice(&secret)
        .map_err(|error| wrong(key, &format!("it contains no unencrypted private key: {error}")))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret));
    let failed = |error| wrong(cert, &format!("the key in {} does not match it: {error}", key.display()));
    let mut config = config.map_err(failed)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Answers a plain HTTP request.
async fn tell_plain(mut stream: TcpStream) -> io::Result<()> {
    let error = ApiError::bad("this API uses TLS, and the request is plain HTTP").hint("use https:// in its address");
    // Closing with unread data would discard the answer.
    stream.try_read(&mut [0; PLAIN_BYTES])?;
    stream.write_all(error.as_http1().as_bytes()).await?;
    stream.shutdown().await
}
