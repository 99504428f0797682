//! The statistics of one column of numbers.
//!
//! Sums are compensated (Neumaier), so that a million prices add up to the penny. The order of the numbers is that of
//! the inputs, which makes the last digit the same on every machine.

/// What is reported of some numbers; there is none of no numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) sum: f64,
    pub(crate) mean: f64,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Statistics {
    /// Those of `numbers`, which add up to `sum`.
    pub(crate) fn of(numbers: &[f64], sum: Sum) -> Option<Self> {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let sum = sum.value();
        Some(Self { sum, mean: sum / count(numbers), median: median(&sorted), min, max })
    }

    /// In the order of the columns of a report.
    pub(crate) fn values(&self) -> [f64; 5] {
        [self.sum, self.mean, self.median, self.min, self.max]
    }
}

/// A sum that keeps the low digits that a plain sum of numbers of different size loses.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    /// Adds a number, unless a double cannot hold the sum: then it stays as it was, and the answer is false.
    #[must_use]
    pub(crate) fn add(&mut self, number: f64) -> bool {
        let Self { sum, lost } = *self;
        let next = sum + number;
        let lost = lost + if sum.abs() >= number.abs() { (sum - next) + number } else { (number - next) + sum };
        let added = Self { sum: next, lost };
        let fits = added.value().is_finite();
        if fits {
            *self = added;
        }
        fits
    }

    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

#[expect(clippy::cast_precision_loss, reason = "a guest has no room for 2^53 numbers")]
fn count(numbers: &[f64]) -> f64 {
    numbers.len() as f64
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> Option<Statistics> {
        let mut sum = Sum::default();
        assert!(numbers.iter().all(|&number| sum.add(number)));
        Statistics::of(numbers, sum)
    }

    #[test]
    fn odd_and_even_counts_have_their_median() {
        let median = |numbers: &[f64]| of(numbers).map(|statistics| statistics.median);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn small_numbers_are_not_lost_beside_large_ones() {
        let sum = of(&[1e16, 1.0, -1e16, 1.0]).map(|statistics| statistics.sum);
        assert_eq!(sum, Some(2.0));
    }

    #[test]
    fn a_number_that_is_too_much_is_not_added() {
        let mut sum = Sum::default();
        assert!(sum.add(f64::MAX) && !sum.add(f64::MAX) && sum.add(-1.0));
        assert_eq!(sum.value(), f64::MAX);
    }
}
