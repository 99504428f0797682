//! What a model is, and how random numbers of the needed shapes are made from random bits.
//!
//! It asks the host for nothing: the generator is seeded by `main`.

use rand_core::Rng;

/// Fast, small, not secret.
pub(crate) type Random = rand_xoshiro::Xoshiro256PlusPlus;

/// A quantity whose mean over random samples is the answer.
pub(crate) trait Model {
    /// As the user calls it.
    fn name(&self) -> &'static str;
    /// What one sample is, after the word "each".
    fn unit(&self) -> &'static str;
    /// The answer, where there is a formula or a value to compare with.
    fn known(&self) -> Option<f64>;
    /// What the known answer is of, where that is not quite what is sampled.
    fn known_note(&self) -> &'static str {
        ""
    }
    /// Where nearly all samples lie: the range of the histogram.
    fn range(&self) -> (f64, f64);
    /// Draws one sample.
    fn sample(&self, random: &mut Random) -> f64;
}

/// Evenly spread over 0 ≤ x < 1, with all 53 bits of a double.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
pub(crate) fn uniform(random: &mut Random) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Evenly spread over 0 ≤ n < `end`. The bias is below `end` / 2^64 and does not matter here.
pub(crate) fn below(end: u32, random: &mut Random) -> u32 {
    let product = u128::from(random.next_u64()) * u128::from(end);
    u32::try_from(product >> 64).unwrap_or(0)
}

/// The standard normal distribution, by Marsaglia's polar method.
pub(crate) fn normal(random: &mut Random) -> f64 {
    loop {
        let (x, y) = (2.0 * uniform(random) - 1.0, 2.0 * uniform(random) - 1.0);
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::Estimate;
    use rand_core::SeedableRng;

    #[test]
    fn the_distributions_have_their_mean() {
        let mut random = Random::seed_from_u64(3);
        let mut mean = |draw: fn(&mut Random) -> f64| {
            let mut estimate = Estimate::default();
            (0..20_000).for_each(|_| estimate.add(draw(&mut random)));
            estimate.mean()
        };
        assert!((mean(uniform) - 0.5).abs() < 0.01);
        assert!(mean(normal).abs() < 0.03);
        assert!((mean(|random| f64::from(below(7, random))) - 3.0).abs() < 0.06);
    }
}
