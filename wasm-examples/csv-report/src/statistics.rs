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
    pub(crate) fn of(numbers: &[f64]) -> Option<Self> {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let sum = compensated_sum(numbers);
        Some(Self { sum, mean: sum / count(numbers), median: median(&sorted), min, max })
    }

    /// In the order of the columns of a report.
    pub(crate) fn values(&self) -> [f64; 5] {
        [self.sum, self.mean, self.median, self.min, self.max]
    }
}

/// Keeps the low digits that a plain sum of numbers of different size loses.
fn compensated_sum(numbers: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for &number in numbers {
        let next = sum + number;
        lost += if sum.abs() >= number.abs() { (sum - next) + number } else { (number - next) + sum };
        sum = next;
    }
    sum + lost
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

    #[test]
    fn odd_and_even_counts_have_their_median() {
        let median = |numbers: &[f64]| Statistics::of(numbers).map(|statistics| statistics.median);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn small_numbers_are_not_lost_beside_large_ones() {
        let sum = Statistics::of(&[1e16, 1.0, -1e16, 1.0]).map(|statistics| statistics.sum);
        assert_eq!(sum, Some(2.0));
    }
}
