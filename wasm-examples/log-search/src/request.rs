//! Reads hour, status and size from a line of the common or combined log format.
//!
//! It checks only what it needs: the client, the user and the request itself are not looked at.

/// The parts of a request that are counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// For example `2022-03-14T06`, in the time zone of the log.
    pub(crate) hour: String,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Request {
    /// `client ident user [day/Mon/year:hour:minute:second zone] "request" status bytes ...`
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let (_, rest) = line.split_once('[')?;
        let (time, rest) = rest.split_once("] \"")?;
        let mut fields = after_quoted(rest)?.split_ascii_whitespace();
        let status = fields.next()?.parse().ok().filter(|status| (100..600).contains(status))?;
        let bytes = match fields.next()? {
            "-" => 0,
            bytes => bytes.parse().ok()?,
        };
        Some(Self { hour: hour(time)?, status, bytes })
    }
}

/// What follows the closing quote; quotes inside are escaped with a backslash.
fn after_quoted(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return text.get(index + 1..),
            _ => {}
        }
    }
    None
}

/// `14/Mar/2022:06:25:24 +0000` → `2022-03-14T06`
fn hour(time: &str) -> Option<String> {
    let (date, clock) = time.split_once(':')?;
    let mut date = date.split('/');
    let (day, month, year) = (number(date.next()?)?, date.next()?, number(date.next()?)?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let hour = number(clock.split(':').next()?)?;
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}"))
}

fn number(digits: &str) -> Option<u16> {
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_combined_format() {
        let line = br#"203.0.113.9 - - [01/Dec/2022:23:00:01 +0100] "GET /?q=\"x\" HTTP/2.0" 404 153 "-" "a [b] c""#;
        assert_eq!(Request::parse(line), Some(Request { hour: "2022-12-01T23".into(), status: 404, bytes: 153 }));
    }

    #[test]
    fn other_lines_are_no_requests() {
        for line in [
            "",
            "[",
            "- [01/Foo/2022:23:00:01 +0100] \"GET /\" 200 1",
            "- [01/Dec/2022:23] \"GET / 200 1",
            "- [x] \"\" 99 1",
        ] {
            assert_eq!(Request::parse(line.as_bytes()), None, "{line}");
        }
    }
}
