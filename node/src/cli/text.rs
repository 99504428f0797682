//! Numbers and a program's own words, made fit for a terminal.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// 9999-12-31T23:59:59Z, past which RFC 3339 has no names.
const LAST_INSTANT_MS: u64 = 253_402_300_799_000;
const EXCERPT_LINES: usize = 20;
const EXCERPT_BYTES: u64 = 2048;

/// `1234567` as `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How much of `whole` is `part`, as `12.34 %`.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part) * 10_000 / u128::from(whole.max(1));
    match hundredths {
        0 if part > 0 => "less than 0.01 %".into(),
        _ => format!("{}.{:02} %", hundredths / 100, hundredths % 100),
    }
}

/// A number of bytes with one decimal: `1.5 KiB`.
pub(super) fn bytes(number: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return if number == 1 { "1 byte".into() } else { format!("{number} bytes") };
    }
    let mut tenths = u128::from(number) * 10;
    let mut unit = "";
    for name in units {
        tenths /= 1024;
        unit = name;
        if tenths < 10 * 1024 {
            break;
        }
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A duration as `12 ms` or `3.4 s`.
pub(super) fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// Unix milliseconds as `2026-11-27T20:00:00Z`.
pub(super) fn instant(unix_ms: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms.min(LAST_INSTANT_MS))).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// At most `most` characters: of a longer text, the end, where names of files stand.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most { text.into() } else { "…".chars().chain(text.chars().skip(count - most + 1)).collect() }
}

/// The beginning of a text that a program wrote.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Lines without anything that a terminal would obey.
    pub(super) lines: Vec<String>,
    /// Whether the text goes on after them.
    pub(super) more: bool,
}

/// The first lines of the file at `path`, at most 20 of them and 2 KiB.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn excerpt(path: &Path) -> io::Result<Excerpt> {
    let mut bytes = Vec::new();
    File::open(path)?.take(EXCERPT_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(excerpt_of(&bytes))
}

fn excerpt_of(bytes: &[u8]) -> Excerpt {
    let limit = usize::try_from(EXCERPT_BYTES).map_or(bytes.len(), |limit| bytes.len().min(limit));
    let text = String::from_utf8_lossy(&bytes[..limit]);
    let mut lines = text.lines().map(harmless);
    let shown: Vec<String> = lines.by_ref().take(EXCERPT_LINES).collect();
    Excerpt { lines: shown, more: lines.next().is_some() || bytes.len() > limit }
}

/// A line with control characters, and those that turn the direction of writing, written out as escapes.
pub(super) fn harmless(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (c.is_control() && c != '\t') || turns {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(["0", "999", "1,000", "12,345,678"], [0, 999, 1000, 12_345_678].map(thousands)[..]);
        assert_eq!(percent(1, 100_000_000_000), "less than 0.01 %");
        assert_eq!(percent(0, 0), "0.00 %");
        assert_eq!(percent(1, 8), "12.50 %");
        assert_eq!(percent(u64::MAX, u64::MAX), "100.00 %");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "15.9 EiB");
        assert_eq!(duration(Duration::from_millis(12)), "12 ms");
        assert_eq!(duration(Duration::from_millis(3400)), "3.4 s");
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(instant(1_640_995_200_999), "2022-01-01T00:00:00Z");
        assert_eq!(instant(u64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!([shortened("abcdef", 6), shortened("äbcdef", 4)], ["abcdef", "…def"]);
    }

    #[test]
    fn a_program_cannot_talk_to_the_terminal() {
        let excerpt = excerpt_of(b"\x1b[31mred\x07\r\n\ttab \xff \xe2\x80\xae\n");
        assert_eq!(excerpt.lines, ["\\u{1b}[31mred\\u{7}", "\ttab \u{fffd} \\u{202e}"]);
        assert!(!excerpt.more);
    }

    #[test]
    fn an_excerpt_is_bounded() {
        let many = excerpt_of(&b"x\n".repeat(21));
        assert_eq!((many.lines.len(), many.more), (20, true));
        assert!(!excerpt_of(&b"x\n".repeat(20)).more);
        let long = excerpt_of(&[b'x'; 2049]);
        assert_eq!((long.lines[0].len(), long.more), (2048, true));
    }
}
