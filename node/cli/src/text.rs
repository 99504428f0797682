//! Percentages, and program output made safe for a terminal.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub(super) use bacalhau_values::text::{bytes, count, duration, harmless, instant, shortened, thousands};

const EXCERPT_LINES: usize = 20;
const EXCERPT_BYTES: u64 = 2048;

/// `part` of `whole` as `12.34 %`.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part) * 10_000 / u128::from(whole.max(1));
    match hundredths {
        0 if part > 0 => "less than 0.01 %".into(),
        _ => format!("{}.{:02} %", hundredths / 100, hundredths % 100),
    }
}

/// The beginning of a program's output.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Lines without control characters.
    pub(super) lines: Vec<String>,
    /// Whether the text continues.
    pub(super) more: bool,
}

/// The first lines of the file at `path`, at most 20 lines and 2 KiB.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(percent(1, 100_000_000_000), "less than 0.01 %");
        assert_eq!(percent(0, 0), "0.00 %");
        assert_eq!(percent(1, 8), "12.50 %");
        assert_eq!(percent(u64::MAX, u64::MAX), "100.00 %");
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
