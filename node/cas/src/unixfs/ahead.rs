//! Read-ahead within a file. The window of a sequential reader grows with the bytes read, so that reading only the head
//! of a file stays cheap.

use std::ops::Range;

/// Maximum read-ahead of a reader in bytes: a tenth of a second at 300 MB/s.
const MAX_WINDOW: u64 = 32 << 20;

/// The assumed reader of a file, from the sequence of reads. Threads that read within one window look like one reader.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Bytes read since the reader was last seen to jump.
    run: u64,
    /// Where it would go on.
    next: u64,
    /// End of the requested range.
    asked: u64,
}

impl Ahead {
    /// Records a read of `wanted`, and returns the bytes to request: those of the read, and read-ahead for a sequential
    /// reader; `None` when enough was requested before.
    pub(super) fn plan(&mut self, wanted: &Range<u64>) -> Option<Range<u64>> {
        let window = self.window();
        let in_stream = wanted.start <= self.asked.max(self.next) && wanted.start >= self.next.saturating_sub(window);
        if in_stream {
            self.run += wanted.end.saturating_sub(self.next.max(wanted.start));
            self.next = self.next.max(wanted.end);
        } else {
            *self = Self { run: wanted.end - wanted.start, next: wanted.end, asked: wanted.start };
        }
        // The first read after a seek has no read-ahead.
        let ahead = if self.run > wanted.end - wanted.start { self.window() } else { 0 };
        let until = self.next.saturating_add(ahead);
        let enough = self.asked >= self.next.saturating_add(ahead / 2);
        (!enough).then(|| self.asked.max(wanted.start)..until)
    }

    /// Sets the end of the requested range.
    pub(super) fn asked(&mut self, until: u64) {
        self.asked = self.asked.max(until);
    }

    fn window(&self) -> u64 {
        self.run.saturating_mul(2).min(MAX_WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ahead: &mut Ahead, start: u64, length: u64) -> Option<Range<u64>> {
        let plan = ahead.plan(&(start..start + length));
        if let Some(plan) = &plan {
            ahead.asked(plan.end);
        }
        plan
    }

    #[test]
    fn the_window_grows_with_what_was_read_and_is_bounded() {
        let mut ahead = Ahead::default();
        assert_eq!(read(&mut ahead, 0, 1000), Some(0..1000));
        assert_eq!(read(&mut ahead, 1000, 1000), Some(1000..6000));
        assert_eq!(read(&mut ahead, 2000, 500), None, "4000 of 5000 bytes of window are left");
        let mut at = 2500;
        while at < 4 * MAX_WINDOW {
            let plan = read(&mut ahead, at, 1000);
            at += 1000;
            assert!(plan.is_none_or(|plan| plan.end <= at + MAX_WINDOW));
            assert!(ahead.asked >= at);
        }
        assert!(ahead.asked >= at + MAX_WINDOW / 2);
    }

    #[test]
    fn who_jumps_is_asked_nothing_more_than_it_reads() {
        let mut ahead = Ahead::default();
        for jump in [5_000_000, 90_000_000, 1_000, 70_000_000] {
            assert_eq!(read(&mut ahead, jump, 100), Some(jump..jump + 100));
        }
    }

    #[test]
    fn readers_in_turns_look_like_one() {
        let mut ahead = Ahead::default();
        for at in [0, 1000, 2000, 4000, 3000, 6000, 5000, 7000] {
            read(&mut ahead, at, 1000);
        }
        assert_eq!((ahead.next, ahead.run), (8000, 6000));
        assert!(ahead.asked > 12_000);
    }
}
