//! Prints logs: unchanged, unless standard output is a terminal or several logs are printed.

use std::io::{self, IsTerminal};

use super::super::exit::Failure;
use super::super::{output, text};

/// Maximum line length in bytes. A longer line is split.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Standard output for logs. Terminals, and outputs with several logs, receive whole lines without control characters.
pub(super) struct Printer {
    /// Prefix of each line.
    label: String,
    terminal: bool,
    /// The incomplete last line.
    rest: Vec<u8>,
}

impl Printer {
    /// A printer that prefixes each line with `label`.
    pub(super) fn new(label: String) -> Self {
        Self { label, terminal: io::stdout().is_terminal(), rest: Vec::new() }
    }

    /// Prints part of a log.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.label.is_empty() && !self.terminal {
            return output::write(bytes);
        }
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole = if whole == 0 && self.rest.len() > MAX_LINE_BYTES { self.rest.len() } else { whole };
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        output::write(&self.shown(&lines))
    }

    /// Prints an incomplete last line.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn end(self) -> Result<(), Failure> {
        output::write(&self.shown(&self.rest))
    }

    fn shown(&self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(bytes.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = line.strip_suffix(b"\n").map_or((line, false), |text| (text, true));
            shown.extend(self.label.bytes());
            if self.terminal {
                shown.extend(text::harmless(&String::from_utf8_lossy(text)).bytes());
            } else {
                shown.extend(text);
            }
            // A line of another shard may follow.
            if ends || !self.label.is_empty() {
                shown.push(b'\n');
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_cannot_talk_to_the_terminal() {
        let printer = Printer { label: String::new(), terminal: true, rest: Vec::new() };
        assert_eq!(printer.shown(b"a\n\x1b[2Jb\nc"), b"a\n\\u{1b}[2Jb\nc");
    }

    #[test]
    fn lines_of_several_shards_have_a_label_and_an_end() {
        let printer = Printer { label: "[shard 3] ".into(), terminal: false, rest: Vec::new() };
        assert_eq!(printer.shown(b"a\n\n\xffb"), b"[shard 3] a\n[shard 3] \n[shard 3] \xffb\n");
    }
}
