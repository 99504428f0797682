//! How far ahead to ask of a program that goes through the files of a directory, as `cat *` does: not at all for the
//! first, then ever further. Only the first block of each file is meant.

use std::ops::Range;

/// Most entries between where the program is and what was asked for it.
const MAX_WINDOW: usize = 32;

/// The program, as far as can be told from the entries that it looks at.
#[derive(Debug, Default)]
pub(super) struct Siblings {
    /// Entries looked at in order.
    run: usize,
    /// One past the latest entry; 0 before there was one.
    next: usize,
    /// One past what was asked for.
    asked: usize,
}

impl Siblings {
    /// Notes that the entry at `index` is looked at, and says which ones to ask for; the end may lie past the last.
    pub(super) fn plan(&mut self, index: usize) -> Option<Range<usize>> {
        if index + 1 == self.next {
            return None;
        }
        // Some may be passed over: directories, for one.
        let onward = self.next > 0 && index >= self.next && index <= self.asked.max(self.next);
        self.next = index + 1;
        if !onward {
            (self.run, self.asked) = (0, self.next);
            return None;
        }
        self.run += 1;
        let window = (2 * self.run).min(MAX_WINDOW);
        let start = self.asked.max(self.next);
        if start >= self.next + window.div_ceil(2) {
            return None;
        }
        self.asked = self.next + window;
        Some(start..self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_from_nothing() {
        let mut siblings = Siblings::default();
        let plans: Vec<_> = (0..100).map(|index| siblings.plan(index)).collect();
        assert_eq!(plans[..4], [None, Some(2..4), Some(4..7), None]);
        let asked: Vec<_> = plans.into_iter().flatten().flatten().collect();
        assert!(asked.is_sorted_by(|a, b| *b == a + 1), "each is asked for once, in order");
        assert_eq!((asked.first(), siblings.asked <= 100 + MAX_WINDOW), (Some(&2), true));
    }

    #[test]
    fn who_jumps_has_nothing_asked_for() {
        let mut siblings = Siblings::default();
        assert!([5, 3, 3, 90, 0, 50].into_iter().all(|index| siblings.plan(index).is_none()));
        assert_eq!(siblings.plan(51), Some(52..54));
        assert_eq!(siblings.plan(51), None);
        assert_eq!(siblings.plan(53), Some(54..58), "one was passed over");
    }
}
