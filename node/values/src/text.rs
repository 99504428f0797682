//! Numbers, times and foreign text for people.

use std::time::{Duration, UNIX_EPOCH};

/// 9999-12-31T23:59:59Z, the maximum of RFC 3339.
const LAST_INSTANT_MS: u64 = 253_402_300_799_000;

/// `1234567` as `1,234,567`.
pub fn thousands(number: u64) -> String {
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

/// A number of bytes with one decimal: `1.5 KiB`.
pub fn bytes(number: u64) -> String {
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
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A duration as `12 ms` or `3.4 s`.
pub fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// Unix milliseconds as `2026-11-27T20:00:00Z`.
pub fn instant(unix_ms: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms.min(LAST_INSTANT_MS))).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// At most `most` characters; of a longer text, the end, where file names are.
pub fn shortened(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most { text.into() } else { "…".chars().chain(text.chars().skip(count - most + 1)).collect() }
}

/// A line with control and bidirectional characters escaped.
pub fn harmless(line: &str) -> String {
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
    fn numbers_and_times_for_people() {
        assert_eq!(["0", "999", "1,000", "12,345,678"], [0, 999, 1000, 12_345_678].map(thousands)[..]);
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
        assert_eq!(harmless("\x1b[31mred\t\u{202e}"), "\\u{1b}[31mred\t\\u{202e}");
    }
}
