//! Rules for redirects: `http` and `https`, never from `https` to `http`, and never credentials of one host to another.
//! `resolver` checks the addresses.

use ureq::http::StatusCode;
use url::Url;

use super::HttpError;

/// Most redirects that are followed.
pub(super) const MAX_REDIRECTS: usize = 5;

/// Whether `status` sends us on.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Target of `location`, sent by the server of `at`, on a walk from `named`.
pub(super) fn next(named: &Url, at: &Url, location: Option<&str>) -> Result<Url, HttpError> {
    let refused = |why: String| Err(HttpError::Refused(why));
    let Some(location) = location else { return refused("it redirects without saying where to".into()) };
    let Ok(mut to) = at.join(location) else {
        return refused(format!("it redirects to {location:?}, which is not a URL"));
    };
    let anonymous = to.set_username("").and_then(|()| to.set_password(None));
    match (at.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") if anonymous.is_ok() && to.has_host() => {}
        ("https", "http") => return refused(format!("it redirects from https to {to}, which is not safe")),
        _ => return refused(format!("it redirects to {to}, and only http and https are followed")),
    }
    to.set_fragment(None);
    if is_same_place(named, &to) {
        // Both can be set on a URL with a host, as these are.
        let _ = to.set_username(named.username());
        let _ = to.set_password(named.password());
    }
    Ok(to)
}

/// Whether `url` is on the host and port that `named` names, or on the `https` of them.
pub(super) fn is_same_place(named: &Url, url: &Url) -> bool {
    let ports = (named.port_or_known_default(), url.port_or_known_default());
    let upgraded = named.scheme() == "http" && url.scheme() == "https" && ports == (Some(80), Some(443));
    named.host() == url.host() && (ports.0 == ports.1 || upgraded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_redirects_lead() {
        let table = [
            ("http://h/a/b", "c?x=1", "http://h/a/c?x=1"),
            ("http://h/a/b", "/c#top", "http://h/c"),
            ("http://h/a", "https://h/a", "https://h/a"),
            ("https://h/a", "//other/b", "https://other/b"),
            ("https://u:p@h/a", "/b", "https://u:p@h/b"),
            ("https://u:p@h/a", "https://x:y@h/b", "https://u:p@h/b"),
            ("https://u:p@h/a", "https://h:8443/b", "https://h:8443/b"),
            ("https://u:p@h/a", "https://other/b", "https://other/b"),
            ("http://u:p@h/a", "https://h/b", "https://u:p@h/b"),
            ("https://h/a", "https://x:y@other/b", "https://other/b"),
            ("https://h/a", "http://h/a", "from https to http://h/a, which is not safe"),
            ("http://h/a", "file:///etc/passwd", "only http and https are followed"),
            ("http://h/a", "gopher://h/", "only http and https are followed"),
            ("http://h/a", "data:,x", "only http and https are followed"),
            ("http://h/a", "http://[", "not a URL"),
        ];
        for (from, location, end) in table {
            let from = Url::parse(from).unwrap();
            let said = match next(&from, &from, Some(location)) {
                Ok(url) => url.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(said == end || (said.contains(' ') && said.contains(end)), "{from} {location}: {said}");
        }
        let from = Url::parse("http://h/").unwrap();
        assert!(next(&from, &from, None).unwrap_err().to_string().contains("without saying where"));
    }

    #[test]
    fn credentials_come_back_with_the_host_they_belong_to() {
        let (named, other) = (Url::parse("https://u:p@h/").unwrap(), Url::parse("https://other/").unwrap());
        assert_eq!(next(&named, &other, Some("https://h/x")).unwrap().as_str(), "https://u:p@h/x");
    }
}
