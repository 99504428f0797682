//! What a word is, and the counts of one file and of all files.
//!
//! It reads no files. Memory grows with the number of distinct words, not with the length of the texts.

use std::{cmp::Reverse, collections::BTreeMap};

/// The words of one file.
#[derive(Debug, Default)]
pub(crate) struct FileTotals {
    pub(crate) lines: u64,
    pub(crate) words: BTreeMap<String, u64>,
}

impl FileTotals {
    pub(crate) fn add_line(&mut self, line: &[u8]) {
        self.lines += 1;
        for word in words(&String::from_utf8_lossy(line)) {
            *self.words.entry(word).or_default() += 1;
        }
    }

    pub(crate) fn word_count(&self) -> u64 {
        self.words.values().sum()
    }
}

/// How often a word occurs, and in how many files.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) files: u64,
}

/// The words of all files.
#[derive(Debug, Default)]
pub(crate) struct Counts(BTreeMap<String, Tally>);

impl Counts {
    pub(crate) fn add_file(&mut self, file: &FileTotals) {
        for (word, count) in &file.words {
            let tally = self.0.entry(word.clone()).or_default();
            tally.count += count;
            tally.files += 1;
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().map(|tally| tally.count).sum()
    }

    pub(crate) fn distinct(&self) -> usize {
        self.0.len()
    }

    /// The most frequent word first; words of one count in the order of their letters.
    pub(crate) fn by_frequency(&self) -> Vec<(&str, Tally)> {
        let mut words: Vec<_> = self.0.iter().map(|(word, tally)| (word.as_str(), *tally)).collect();
        words.sort_by_key(|&(_, tally)| Reverse(tally.count));
        words
    }
}

/// The words of a line. Typographic apostrophes count as plain ones; those at the edges are quotation marks.
fn words(line: &str) -> impl Iterator<Item = String> {
    line.split(|letter: char| !letter.is_alphanumeric() && !is_apostrophe(letter))
        .map(|word| word.trim_matches(is_apostrophe))
        .filter(|word| !word.is_empty())
        .map(|word| word.replace('\u{2019}', "'").to_lowercase())
}

const fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '\u{2019}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        words(line).collect()
    }

    #[test]
    fn apostrophes_stay_inside_words_only() {
        assert_eq!(
            split("'Tis the summer's lease, o\u{2019}er \u{2018}all\u{2019} -- '"),
            ["tis", "the", "summer's", "lease", "o'er", "all"]
        );
    }

    #[test]
    fn letters_of_every_script_make_words() {
        assert_eq!(split("Maître Corbeau, ÜBER 1984"), ["maître", "corbeau", "über", "1984"]);
        assert_eq!(split(" -- \u{fffd} "), [""; 0]);
    }

    #[test]
    fn equal_counts_are_in_the_order_of_letters() {
        let mut file = FileTotals::default();
        file.add_line(b"b a c b");
        let mut counts = Counts::default();
        counts.add_file(&file);
        let order: Vec<_> = counts.by_frequency().into_iter().map(|(word, _)| word).collect();
        assert_eq!(order, ["b", "a", "c"]);
        assert_eq!((counts.total(), counts.distinct()), (4, 3));
    }
}
