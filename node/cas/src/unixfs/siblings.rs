//! Read-ahead across the files of a directory, for programs that read one after the other: none for the first file,
//! then increasing. Only the first block of each file.

use std::ops::Range;

/// Maximum entries of read-ahead.
const MAX_WINDOW: usize = 32;

/// The assumed position of the program, from the entries that it reads.
#[derive(Debug, Default)]
pub(super) struct Siblings {
    /// Entries looked at in order.
    run: usize,
    /// One past the latest entry; 0 before there was one.
    next: usize,
    /// End of the requested range.
    asked: usize,
}

impl Siblings {
    /// Records access to the entry at `index`, and returns the entries to request; the end may exceed the last.
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
