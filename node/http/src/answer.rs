//! What a server answered, once its head is here: headers, and the body as it comes.

use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use ureq::BodyReader;
use ureq::http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};
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

    /// Bytes of the body, where the server says so, and sends it as it is.
    pub fn length(&self) -> Option<u64> {
        if encoding(self.response.headers()).is_some() {
            return None;
        }
        self.response.body().content_length().or_else(|| self.header("content-length")?.parse().ok())
    }

    /// The body, whose errors are in words. One that is encoded is an error: nothing here decodes.
    pub fn into_body(self) -> Body {
        let encoded = encoding(self.response.headers()).map(|names| encoded(&names));
        let reader = self.response.into_body().into_reader();
        Body { reader, encoded, patience: self.patience, total: self.total }
    }

    /// Itself, where it is a success with the bytes that were asked for: all of them (200), or those of the `Range` that was
    /// asked for (206). Other successes have no body (204, 205), another one (203), or part of one.
    pub(super) fn with_content(self, range: bool) -> Result<Self, HttpError> {
        let answer = self.succeeded()?;
        let status = answer.status();
        if status.as_u16() != 200 && !(range && status.as_u16() == 206) {
            let why = format!("the server answered {status}, and only 200 OK comes with what was asked for");
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
        // What it says besides is for people: nothing hangs on it.
        self.into_body().take(SAID_BYTES).read_to_end(&mut said).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let said = said.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let said = said.collect::<Vec<_>>().join(" ");
        HttpError::Status { status, said, retry_after }
    }
}

/// How the body is encoded, by the names that the server says; `None` where it is as it is.
pub fn encoding(headers: &HeaderMap) -> Option<String> {
    let coded = |name, plain: &[&str]| {
        let values = headers.get_all(name).into_iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let names = values.map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase());
        names.filter(|name| !name.is_empty() && !plain.contains(&name.as_str())).collect::<Vec<_>>()
    };
    let mut names = coded(CONTENT_ENCODING, &["identity"]);
    // Between two machines, it is for HTTP to decode; what it cannot comes through as well.
    names.extend(coded(TRANSFER_ENCODING, &["identity", "chunked"]));
    (!names.is_empty()).then(|| names.join(", "))
}

/// Says that nothing here decodes it.
fn encoded(encoding: &str) -> String {
    let shown: String = encoding.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS).collect();
    format!(
        "the server sent it encoded ({shown}), although it was asked for the plain bytes; have the server send it as it is, or \
         name a decoded copy"
    )
}

/// What a server writes to say when it may be asked again: seconds, or a date.
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
