//! Mean and standard error of samples, in one pass (Welford).
//!
//! No sample is kept, so memory does not grow with their number.

use crate::model::Model;

/// What is known of the samples so far.
#[derive(Debug, Default)]
pub(crate) struct Estimate {
    count: u32,
    mean: f64,
    squares: f64,
}

/// Of the normal distribution: 95 % of it lies within so many standard deviations of its mean.
const WITHIN_95: f64 = 1.959_964;

impl Estimate {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / f64::from(self.count);
        self.squares += before * (value - self.mean);
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    /// How far the mean is from the truth, typically. Needs two samples.
    pub(crate) fn standard_error(&self) -> f64 {
        let count = f64::from(self.count);
        (self.squares / (count - 1.0) / count).sqrt()
    }

    pub(crate) fn as_csv(&self, model: &dyn Model) -> String {
        let (mean, error) = (self.mean, self.standard_error());
        let (low, high) = (mean - WITHIN_95 * error, mean + WITHIN_95 * error);
        let known = model.known().map(|known| known.to_string()).unwrap_or_default();
        format!(
            "model,samples,estimate,standard_error,low_95,high_95,known\n{},{},{mean},{error},{low},{high},{known}\n",
            model.name(),
            self.count
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_error_of_four_samples() {
        let mut estimate = Estimate::default();
        for value in [1.0, 2.0, 3.0, 4.0] {
            estimate.add(value);
        }
        assert!((estimate.mean() - 2.5).abs() < 1e-12);
        assert!((estimate.standard_error() - (5.0_f64 / 12.0).sqrt()).abs() < 1e-12);
    }
}
