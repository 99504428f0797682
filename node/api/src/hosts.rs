//! Protection against web pages. A browser sends requests of every page to every server that it can reach, also on
//! loopback. Pages of other origins are recognized by `Origin` or `Sec-Fetch-Site`. A page with a name that resolves to
//! this machine (DNS rebinding) has the same origin for the browser, and is recognized by the name in `Host`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use super::error::{ApiError, ErrorCode};

/// Maximum characters of a client's host name in messages.
const MAX_SHOWN: usize = 80;
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The allowed host names, in addition to `localhost` and IP addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(BTreeSet<String>);

impl FromIterator<String> for AllowedHosts {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }
}

impl AllowedHosts {
    /// Checks target and origin of a request. `is_loopback`: whether the connection has a loopback address.
    pub(super) fn check(&self, method: &Method, headers: &HeaderMap, is_loopback: bool) -> Result<(), ApiError> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().map(authority).transpose()?;
        if hosts.next().is_some() {
            return Err(ApiError::bad("the request has more than one host header"));
        }
        // Browsers always send a host.
        if let Some(host) = &host
            && (is_loopback || !self.0.is_empty())
            && !self.names(host.host())
        {
            return Err(foreign(format!("the host name {} is not allowed", shown(host.host())), host.host()));
        }
        for origin in headers.get_all(ORIGIN) {
            self.check_origin(origin, host.as_ref())?;
        }
        check_site(method, headers)
    }

    /// Whether `host` is allowed by configuration, or needs no DNS.
    fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<IpAddr>().is_ok() || self.0.contains(&host)
    }

    fn check_origin(&self, origin: &HeaderValue, host: Option<&Authority>) -> Result<(), ApiError> {
        let url = origin.to_str().ok().and_then(|text| Url::parse(text).ok());
        let name = url.as_ref().and_then(Url::host_str).unwrap_or("null");
        let port = url.as_ref().and_then(Url::port_or_known_default);
        let is_same = host.is_some_and(|host| {
            let at = host.port_u16().or_else(|| url.as_ref().and_then(|url| default_port(url.scheme())));
            host.host().eq_ignore_ascii_case(name) && at == port
        });
        if is_same || self.0.contains(name) {
            return Ok(());
        }
        Err(foreign(format!("the page at {} may not use this API", shown(name)), name))
    }
}

/// Pages of other sites may link to this API, but cannot read its answers.
fn check_site(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|found| found == value);
    let is_followed = *method == Method::GET && is(&FETCH_MODE, "navigate") && is(&FETCH_DEST, "document");
    match headers.get(FETCH_SITE) {
        Some(site) if site != "same-origin" && site != "none" && !is_followed => {
            Err(foreign("the page of another origin may not use this API".into(), "null"))
        }
        _ => Ok(()),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

fn authority(host: &HeaderValue) -> Result<Authority, ApiError> {
    Authority::try_from(host.as_bytes()).map_err(|_| ApiError::bad("the host header is neither HOST nor HOST:PORT"))
}

fn foreign(message: String, name: &str) -> ApiError {
    let name = if name == "null" { "NAME".into() } else { shown(name) };
    ApiError::new(ErrorCode::ForeignOrigin, message)
        .hint(format!("to allow it, add {name} to api.allowed_hosts in the configuration of the node"))
}

/// The beginning of client input, without control characters.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).map(|char| if char.is_ascii_graphic() { char } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], is_loopback: bool, headers: &[(&'static str, &str)]) -> Result<(), ErrorCode> {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let hosts: AllowedHosts = allowed.iter().map(|name| (*name).to_owned()).collect();
        hosts.check(&Method::GET, &headers.collect(), is_loopback).map_err(|error| error.code())
    }

    #[test]
    fn a_name_that_was_made_to_resolve_here_is_foreign() {
        for host in ["localhost:1234", "LOCALHOST", "localhost.", "127.0.0.1:1234", "[::1]:1", "10.0.0.7"] {
            assert_eq!(check(&[], true, &[("host", host)]), Ok(()), "{host}");
        }
        for host in ["evil.example", "evil.example:1234", "localhost.evil.example", "127.0.0.1.evil.example", "127.1"] {
            assert_eq!(check(&[], true, &[("host", host)]), Err(ErrorCode::ForeignOrigin), "{host}");
            assert_eq!(check(&["node7"], false, &[("host", host)]), Err(ErrorCode::ForeignOrigin), "{host}");
        }
        assert_eq!(check(&["Node7.example"], true, &[("host", "node7.EXAMPLE:5")]), Ok(()));
        assert_eq!(check(&[], false, &[("host", "node7:1234")]), Ok(()), "a server of a network, as it was started");
        assert_eq!(check(&[], true, &[]), Ok(()), "HTTP/1.0, which no browser speaks");
        assert_eq!(check(&[], true, &[("host", "a b")]), Err(ErrorCode::BadRequest));
        assert_eq!(check(&[], true, &[("host", "")]), Err(ErrorCode::BadRequest));
    }

    #[test]
    fn a_page_of_another_origin_is_foreign_wherever_the_api_listens() {
        let host = ("host", "127.0.0.1:1234");
        for origin in ["http://127.0.0.1:1234", "HTTP://127.0.0.1:1234"] {
            assert_eq!(check(&[], true, &[host, ("origin", origin)]), Ok(()), "{origin}");
        }
        let foreign = [
            "http://evil.example",
            "null",
            "http://127.0.0.1:8080",
            "http://localhost:1234",
            "file://",
            "chrome-extension://x",
        ];
        for origin in foreign {
            for is_loopback in [true, false] {
                let said = check(&[], is_loopback, &[host, ("origin", origin)]);
                assert_eq!(said, Err(ErrorCode::ForeignOrigin), "{origin}");
            }
        }
        assert_eq!(check(&[], false, &[("host", "node7"), ("origin", "http://node7")]), Ok(()));
        // Behind a proxy that says where it connects to.
        assert_eq!(check(&["jobs.example"], true, &[host, ("origin", "https://jobs.example")]), Ok(()));
        for site in ["cross-site", "same-site"] {
            let image = [host, ("sec-fetch-site", site), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
            assert_eq!(check(&[], true, &image), Err(ErrorCode::ForeignOrigin), "{site}");
            let link = [host, ("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
            assert_eq!(check(&[], true, &link), Ok(()), "{site}");
        }
        assert_eq!(check(&[], true, &[host, ("sec-fetch-site", "none")]), Ok(()));
    }
}
