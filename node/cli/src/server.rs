//! The server that a command talks to, and the client's identity. Precedence: flag, environment, configuration, then
//! the server of this machine.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::exit::{Exit, Failure};
use super::progress_output::Ui;
use super::settings::Files;
use bacalhau_api::ErrorCode;
use bacalhau_api_client::{ApiClient, ClientError};
use bacalhau_identity::Identity;
use bacalhau_service::{
    config::{Config, Layers},
    data_dir, serving,
};

/// Default port of `serve`.
const DEFAULT_PORT: u16 = 1234;
/// How long a call retries a busy server.
const BUSY_LIMIT: Duration = Duration::from_mins(5);

/// Flags of every command that talks to a server.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(super) struct Server {
    /// Host or URL of the server. Also `BACALHAU_API_HOST`, or `client.api_host` of the configuration
    #[arg(long, value_name = "HOST|URL")]
    api_host: Option<String>,

    /// Port of the server, if the host has none. Also `BACALHAU_API_PORT`, or `client.api_port` of the configuration
    /// [default: 1234]
    #[arg(long, value_name = "PORT")]
    api_port: Option<u16>,

    /// PEM file with the CAs that are accepted for an https:// server. Also `BACALHAU_API_CA`, or `client.api_ca` of
    /// the configuration [default: those of this machine]
    #[arg(long, value_name = "FILE")]
    api_ca: Option<PathBuf>,

    #[command(flatten)]
    files: Files,
}

impl Server {
    /// The server named by flags, environment or configuration.
    ///
    /// # Errors
    /// When its address is invalid, or the configuration cannot be read.
    pub(super) fn named(&self) -> Result<Option<String>, Failure> {
        let config = self.config()?;
        let host = self.api_host.as_ref().or(config.client.api_host.as_ref());
        let port = self.api_port.or(config.client.api_port);
        base(host.map(String::as_str), port).map_err(|why| Failure::usage(format!("the server's address: {why}")))
    }

    /// A client of the named server, or else of the one on this machine.
    ///
    /// # Errors
    /// When the address is invalid, or the configuration or the client's key cannot be read.
    pub(super) fn client(&self, ui: &Arc<Ui>) -> Result<ApiClient, Failure> {
        let data_dir = self.config()?.data_dir()?;
        self.client_of(&self.named_or_own(&data_dir)?, &data_dir, ui)
    }

    /// A client of the server at `base`, with the configured token and the key in `data_dir`, which is created if
    /// absent. A busy server is retried for some minutes, with a note to `progress_output`.
    ///
    /// # Errors
    /// When the key, the token or the CA certificate cannot be read, or the key cannot be created.
    pub(super) fn client_of(&self, base: &str, data_dir: &Path, ui: &Arc<Ui>) -> Result<ApiClient, Failure> {
        let ui = Arc::clone(ui);
        let client = ApiClient::new(base, identity(data_dir)?.keypair().clone());
        let config = self.config()?;
        let client = match config.api_token()? {
            Some(token) => client.with_token(token),
            None => client,
        };
        let client = match self.api_ca.as_ref().or(config.client.api_ca.as_ref()) {
            Some(path) => client.with_ca(path).map_err(|failure| Failure::usage(failure.to_string()))?,
            None => client,
        };
        Ok(client.retrying(BUSY_LIMIT, Arc::new(move |line| ui.say(line))))
    }

    /// The named server, or the one that uses `data_dir`, or the default address.
    ///
    /// # Errors
    /// When the address is invalid, or the configuration cannot be read.
    pub(super) fn named_or_own(&self, data_dir: &Path) -> Result<String, Failure> {
        let own = || serving::find(data_dir).and_then(|addresses| addresses.api);
        Ok(self.named()?.or_else(own).unwrap_or_else(|| format!("http://127.0.0.1:{DEFAULT_PORT}")))
    }

    /// The client's identity.
    ///
    /// # Errors
    /// When its key cannot be read.
    pub(super) fn identity(&self) -> Result<Identity, Failure> {
        identity(&self.config()?.data_dir()?)
    }

    fn config(&self) -> Result<Config, Failure> {
        Ok(self.layers()?.config()?)
    }

    /// The configuration from files and environment.
    ///
    /// # Errors
    /// When a file cannot be read, or a value is invalid.
    pub(super) fn layers(&self) -> Result<Layers, Failure> {
        self.files.layers()
    }
}

/// The client identity of a data directory.
///
/// # Errors
/// When its key cannot be read or created.
pub(super) fn identity(data_dir: &Path) -> Result<Identity, Failure> {
    Identity::from_file(&data_dir.join(data_dir::CLIENT_KEY))
        .map_err(|error| Failure::new(Exit::Host, error.to_string()))
}

/// The URL of a server; `None` when neither host nor port is given.
fn base(host: Option<&str>, port: Option<u16>) -> Result<Option<String>, String> {
    let host = match (host, port) {
        (Some(host), _) => host,
        (None, Some(_)) => "127.0.0.1",
        (None, None) => return Ok(None),
    };
    let (text, implied) = match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => (format!("http://[{address}]"), Some(DEFAULT_PORT)),
        _ if host.contains("://") => (host.to_owned(), None),
        _ => (format!("http://{host}"), Some(DEFAULT_PORT)),
    };
    let wrong = |why: &str| format!("{host:?} is not a host or URL ({why}): write HOST, HOST:PORT or http://HOST:PORT");
    let mut url = Url::parse(&text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("unsupported scheme"));
    }
    if url.port().is_none()
        && let Some(port) = port.or(implied)
    {
        url.set_port(Some(port)).map_err(|()| wrong("it cannot have a port"))?;
    }
    Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match (&error, error.code()) {
            (ClientError::Address(..), _)
            | (
                _,
                Some(
                    ErrorCode::NotFound
                    | ErrorCode::Ambiguous
                    | ErrorCode::NotOwner
                    | ErrorCode::Ended
                    | ErrorCode::NotYet
                    | ErrorCode::Gone
                    | ErrorCode::NoToken
                    | ErrorCode::ReadOnly
                    | ErrorCode::BadRequest,
                ),
            ) => Exit::Usage,
            (_, Some(ErrorCode::Refused | ErrorCode::TooLarge)) => Exit::Refused,
            _ => Exit::Host,
        };
        Self::new(exit, error.to_string()).without_result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_in_many_ways() {
        let table = [
            (None, None, None),
            (None, Some(5), Some("http://127.0.0.1:5")),
            (Some("node7"), None, Some("http://node7:1234")),
            (Some("node7"), Some(5), Some("http://node7:5")),
            (Some("node7:6"), Some(5), Some("http://node7:6")),
            (Some("10.0.0.1"), None, Some("http://10.0.0.1:1234")),
            (Some("::1"), Some(5), Some("http://[::1]:5")),
            (Some("[::1]:6"), None, Some("http://[::1]:6")),
            (Some("https://host/below/"), None, Some("https://host/below")),
            (Some("https://host"), Some(5), Some("https://host:5")),
            (Some("http://host:6"), Some(5), Some("http://host:6")),
        ];
        for (host, port, expected) in table {
            assert_eq!(base(host, port), Ok(expected.map(str::to_owned)), "{host:?} {port:?}");
        }
        for host in ["", "ftp://host", "host:port", "a b", "http://"] {
            assert!(base(Some(host), None).unwrap_err().contains("write HOST, HOST:PORT"), "{host}");
        }
    }
}
