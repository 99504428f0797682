//! The client: one request, with the redirects that it leads to. Redirects are followed by hand, so that each step is
//! looked at before it is taken.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use ureq::config::Config;
use ureq::http::header::{AUTHORIZATION, RANGE};
use ureq::http::{Method, Request, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, AsSendBody, Proxy};
use url::{Host, Url};

use super::address::not_public;
use super::redirect::{MAX_REDIRECTS, is_redirect, is_same_place, next};
use super::resolver::PublicResolver;
use super::{Answer, HttpError};

/// Longest wait for a connection.
pub(super) const CONNECT_SECONDS: u64 = 10;

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every address, by redirects as well: for one's own network.
    Anywhere,
    /// The requested URL may have any address, because the user wrote it; redirects to other hosts only public ones.
    /// With a proxy of the environment, the proxy resolves names and decides.
    Named,
    /// Only public addresses, from the first request on, for untrusted URLs. No proxy is used, because its connections
    /// cannot be checked.
    PublicOnly,
}

/// Timeouts and limits of a client.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Which addresses may be connected to.
    pub reach: Reach,
    /// The longest silence of a server.
    pub patience: Duration,
    /// The longest time for all of an answer, where there is such a limit.
    pub total: Option<Duration>,
    /// Connections to one server that are kept for the next request.
    pub idle_connections: usize,
}

/// A client; clones of the handle share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    terms: Terms,
    /// Connects to every address.
    open: Agent,
    /// The same without a proxy, which would take this machine's loopback for its own.
    direct: Agent,
    /// Connects to public addresses only, and to no proxy.
    guarded: Agent,
}

impl Client {
    /// A client on these terms.
    pub fn new(terms: Terms) -> Self {
        let open = config(&terms, Proxy::try_from_env());
        let guarded = config(&terms, None);
        Self {
            open: open.new_agent(),
            direct: guarded.new_agent(),
            guarded: Agent::with_parts(guarded, DefaultConnector::default(), PublicResolver::default()),
            terms,
        }
    }

    /// Gets `url`, or the part named by a `Range` in `headers`.
    ///
    /// # Errors
    /// When there is no answer, it is not a success, or it does not have the requested bytes, for example 204 or an
    /// encoded body.
    pub fn get(&self, url: &Url, headers: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let range = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(RANGE.as_str()));
        self.follow(&Method::GET, url, headers)?.with_content(range)
    }

    /// Sends a HEAD request to `url`.
    ///
    /// # Errors
    /// When there is no answer, or it is not a success.
    pub fn head(&self, url: &Url) -> Result<Answer, HttpError> {
        self.follow(&Method::HEAD, url, &[])?.succeeded()
    }

    /// Posts `body` to `url`. Redirects are not followed, because the data is only for the named server. Accepts any
    /// success status.
    ///
    /// # Errors
    /// As [`head`](Self::head), and for redirects.
    pub fn post(&self, url: &Url, headers: &[(&str, &str)], body: impl AsSendBody) -> Result<Answer, HttpError> {
        self.step(&Method::POST, url, url, headers, body)?.succeeded()
    }

    /// Sends `body` to be kept at `url`.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn put(&self, url: &Url, headers: &[(&str, &str)], body: impl AsSendBody) -> Result<Answer, HttpError> {
        self.step(&Method::PUT, url, url, headers, body)?.succeeded()
    }

    /// Sends `request` as it is. Redirects are not followed, and any status is an answer: for the protocols of services.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(&self, request: Request<impl AsSendBody>) -> Result<Answer, HttpError> {
        let url = request.uri().to_string();
        let url = Url::parse(&url).map_err(|error| HttpError::Refused(format!("{url} is not a URL: {error}")))?;
        let agent = self.agent(&url, &url, request.uri())?;
        self.answer(agent.run(request))
    }

    fn follow(&self, method: &Method, named: &Url, headers: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let mut url = named.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.step(method, named, &url, headers, ())?;
            if !is_redirect(answer.status()) {
                return Ok(answer);
            }
            url = next(named, &url, answer.header("location"))?;
        }
        Err(HttpError::Refused(format!("it redirects more than {MAX_REDIRECTS} times")))
    }

    /// One request to `url`, on a walk that began at `named`.
    fn step(
        &self,
        method: &Method,
        named: &Url,
        url: &Url,
        headers: &[(&str, &str)],
        body: impl AsSendBody,
    ) -> Result<Answer, HttpError> {
        let (url, authorization) = split_credentials(url)?;
        let mut request = Request::builder().method(method).uri(url.as_str());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        for (name, value) in headers {
            // Credentials are only for the named host.
            if is_same_place(named, &url) || !name.eq_ignore_ascii_case(AUTHORIZATION.as_str()) {
                request = request.header(*name, *value);
            }
        }
        let request = request.body(body).map_err(|error| HttpError::Refused(error.to_string()))?;
        self.answer(self.agent(named, &url, request.uri())?.run(request))
    }

    fn answer(&self, response: Result<Response<ureq::Body>, ureq::Error>) -> Result<Answer, HttpError> {
        let (patience, total) = (self.terms.patience, self.terms.total);
        let response = response.map_err(|error| HttpError::explain(error, patience, total))?;
        Ok(Answer::new(response, patience, total))
    }

    fn agent(&self, named: &Url, url: &Url, uri: &Uri) -> Result<&Agent, HttpError> {
        match self.terms.reach {
            Reach::PublicOnly => Ok(&self.guarded),
            Reach::Anywhere => Ok(self.unguarded(url)),
            Reach::Named if is_same_place(named, url) => Ok(self.unguarded(url)),
            Reach::Named => match self.open.config().proxy() {
                Some(proxy) if !proxy.is_no_proxy(uri) => check_literal(url).map(|()| &self.open),
                _ => Ok(&self.guarded),
            },
        }
    }

    /// What connects to any address: to this machine without a proxy.
    fn unguarded(&self, url: &Url) -> &Agent {
        if literal(url).is_some_and(|address| address.is_loopback()) { &self.direct } else { &self.open }
    }
}

/// The URL without fragment and credentials, and the header of the credentials.
fn split_credentials(url: &Url) -> Result<(Url, Option<String>), HttpError> {
    let mut bare = url.clone();
    bare.set_fragment(None);
    if url.username().is_empty() && url.password().is_none() {
        return Ok((bare, None));
    }
    let credentials: Vec<u8> = percent_decode_str(url.username())
        .chain([b':'])
        .chain(percent_decode_str(url.password().unwrap_or_default()))
        .collect();
    let anonymous = bare.set_username("").and_then(|()| bare.set_password(None));
    anonymous.map_err(|()| HttpError::Refused(format!("there can be no credentials in a URL of {}", url.scheme())))?;
    Ok((bare, Some(format!("Basic {}", BASE64_STANDARD.encode(credentials)))))
}

/// Rejects a literal address that is not public.
fn check_literal(url: &Url) -> Result<(), HttpError> {
    let Some(address) = literal(url) else { return Ok(()) };
    let host = url.host_str().unwrap_or_default();
    not_public(address).map_or(Ok(()), |why| Err(HttpError::not_public(host, address, why)))
}

/// The address of a URL's host where it is known without looking it up.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(name) => (name == "localhost" || name.ends_with(".localhost")).then(|| [127, 0, 0, 1].into()),
    }
}

fn config(terms: &Terms, proxy: Option<Proxy>) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(proxy)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(Duration::from_secs(CONNECT_SECONDS)))
        .timeout_connect(Some(Duration::from_secs(CONNECT_SECONDS)))
        .timeout_recv_response(Some(terms.patience))
        .timeout_per_read(Some(terms.patience))
        .timeout_per_write(Some(terms.patience))
        .timeout_global(terms.total)
        .max_idle_connections(terms.idle_connections)
        .max_idle_connections_per_host(terms.idle_connections)
        // The certificates that this machine trusts, a company's own among them.
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .user_agent(concat!("bacalhau/", env!("CARGO_PKG_VERSION")))
        // The bytes that the URL names, not a packed form of them.
        .accept_encoding("identity")
        .build()
}

#[cfg(test)]
mod tests;
