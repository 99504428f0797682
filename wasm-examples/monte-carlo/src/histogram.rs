//! Counts samples in twenty equal bins; what lies outside of the range goes to the first or the last one.
//!
//! The range is chosen before the first sample, so nothing has to be kept.

use std::fmt::Write;

const BINS: usize = 20;
const WIDEST_BAR: u64 = 50;

#[derive(Debug)]
pub(crate) struct Histogram {
    low: f64,
    width: f64,
    counts: [u64; BINS],
}

impl Histogram {
    #[expect(clippy::cast_precision_loss, reason = "twenty")]
    pub(crate) fn new(low: f64, high: f64) -> Self {
        Self { low, width: (high - low) / BINS as f64, counts: [0; BINS] }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of floats saturates at both ends"
    )]
    pub(crate) fn add(&mut self, value: f64) {
        let bin = ((value - self.low) / self.width) as usize;
        self.counts[bin.min(BINS - 1)] += 1;
    }

    pub(crate) fn as_csv(&self) -> String {
        let mut csv = String::from("from,to,samples\n");
        for (from, to, count) in self.bins() {
            writeln!(csv, "{from:.6},{to:.6},{count}").ok();
        }
        csv
    }

    /// A bar for each bin; the longest is of the fullest bin.
    pub(crate) fn as_text(&self) -> String {
        let fullest = self.counts.iter().max().copied().unwrap_or(0).max(1);
        let mut text = String::new();
        for (from, _, count) in self.bins() {
            let bar = "#".repeat(usize::try_from(count * WIDEST_BAR / fullest).unwrap_or(0));
            writeln!(text, "{}", format!("{from:>10.4} {count:>8} {bar}").trim_end()).ok();
        }
        text
    }

    fn bins(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        let edge = |bin: u32| self.low + f64::from(bin) * self.width;
        (0..).zip(self.counts).map(move |(bin, count)| (edge(bin), edge(bin + 1), count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_are_counted_at_the_ends() {
        let mut histogram = Histogram::new(0.0, 20.0);
        for value in [-5.0, 0.5, 1.0, 19.9, 20.0, 1e300] {
            histogram.add(value);
        }
        assert_eq!((histogram.counts[0], histogram.counts[1], histogram.counts[19]), (2, 1, 3));
        assert!(histogram.as_csv().starts_with("from,to,samples\n0.000000,1.000000,2\n"));
    }
}
