//! An HTTP answer after its head: headers, and the body as a stream.

use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use ureq::BodyReader;
use ureq::http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};
use ureq::http::response::Parts;
use ureq::http::{HeaderMap, Response, StatusCode};

use super::HttpError;

const SAID_BYTES: u64 = 2 << 10;
/// Characters of a name of a server's that are passed on.
const SHOWN_CHARS: usize = 60;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    response: Response<ureq::Body>,
    patience: Duration,
    total: Option<Duration>,
}

impl Answer {
    pub(super) fn new(response: Response<ureq::Body>, patience: Duration, total: Option<Duration>) -> Self {
        Self { response, patience, total }
    }

    /// The status, which callers outside see as a success.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Length of the body, if the server states it and the body is not encoded.
    pub fn length(&self) -> Option<u64> {
        if encoding(self.response.headers()).is_some() {
            return None;
        }
        self.response.body().content_length().or_else(|| self.header("content-length")?.parse().ok())
    }

    /// The body, with readable errors. An encoded body is an error: nothing is decoded here.
    pub fn into_body(self) -> Body {
        let encoded = encoding(self.response.headers()).map(|names| encoded(&names));
        let reader = self.response.into_body().into_reader();
        Body { reader, encoded, patience: self.patience, total: self.total }
    }

    /// The head of the answer, and its body.
    pub fn into_parts(self) -> (Parts, Body) {
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.status = self.response.status();
        parts.headers.clone_from(self.response.headers());
        (parts, self.into_body())
    }

    /// The answer, if its status matches the requested bytes: 200, or 206 for a `Range`. Other success statuses have no
    /// body (204, 205), another one (203), or a part.
    pub(super) fn with_content(self, range: bool) -> Result<Self, HttpError> {
        let answer = self.succeeded()?;
        let status = answer.status();
        if status.as_u16() != 200 && !(range && status.as_u16() == 206) {
            let why = format!("the server answered {status}, and only 200 OK has the requested content");
            return Err(HttpError::Unusable(why));
        }
        match encoding(answer.response.headers()) {
            Some(names) => Err(HttpError::Unusable(encoded(&names))),
            None => Ok(answer),
        }
    }

    /// Itself, where it is a success.
    pub(super) fn succeeded(self) -> Result<Self, HttpError> {
        if self.status().is_success() { Ok(self) } else { Err(self.into_error()) }
    }

    fn into_error(self) -> HttpError {
        let status = self.status();
        let retry_after = self.header("retry-after").and_then(|text| pause_of(text.trim()));
        let mut said = Vec::new();
        // The rest of the body is only for the message.
        self.into_body().take(SAID_BYTES).read_to_end(&mut said).unwrap_or_default();
        HttpError::Status { status, said: one_line(&String::from_utf8_lossy(&said)), retry_after }
    }
}

/// The words of a text of a server's, on one line.
pub fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Content encodings named by the server; `None` when the body is plain.
pub fn encoding(headers: &HeaderMap) -> Option<String> {
    let coded = |name, plain: &[&str]| {
        let values = headers.get_all(name).into_iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let names = values.map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase());
        names.filter(|name| !name.is_empty() && !plain.contains(&name.as_str())).collect::<Vec<_>>()
    };
    let mut names = coded(CONTENT_ENCODING, &["identity"]);
    // Transfer encodings are decoded by the HTTP library, except unknown ones.
    names.extend(coded(TRANSFER_ENCODING, &["identity", "chunked"]));
    (!names.is_empty()).then(|| names.join(", "))
}

/// The error for an encoded body.
fn encoded(encoding: &str) -> String {
    let shown: String = encoding.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS).collect();
    format!(
        "the server sent it encoded ({shown}), although plain bytes were requested; configure the server to send it \
         plain, or name a decoded copy"
    )
}

/// The delay in a `Retry-After` header: seconds or a date.
fn pause_of(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// The body of an answer. Its errors hold an [`HttpError`].
pub struct Body {
    reader: BodyReader<'static>,
    /// Why it is of no use, where it is encoded.
    encoded: Option<String>,
    patience: Duration,
    total: Option<Duration>,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(why) = &self.encoded {
            return Err(io::Error::new(io::ErrorKind::InvalidData, HttpError::Unusable(why.clone())));
        }
        self.reader.read(buffer).map_err(|error| {
            let kind = error.kind();
            io::Error::new(kind, HttpError::explain(error.into(), self.patience, self.total))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_ask_for_pauses_in_two_ways() {
        assert_eq!(pause_of("120"), Some(Duration::from_mins(2)));
        assert_eq!(pause_of("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_hours(1));
        assert!(pause_of(&soon).is_some_and(|pause| pause > Duration::from_mins(59)));
        assert_eq!(pause_of("tomorrow"), None);
    }
}
