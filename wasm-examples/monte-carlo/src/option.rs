//! The price of a European call option, and the formula of Black and Scholes to compare with.
//!
//! The share pays no dividend; rate and volatility do not change with time.

use crate::model::{Model, Random, normal};
use guest::{Problem, Result};
use std::f64::consts::SQRT_2;

/// The right to buy a share for `strike` after `years`.
#[derive(Debug)]
pub(crate) struct CallOption {
    spot: f64,
    strike: f64,
    rate: f64,
    volatility: f64,
    years: f64,
}

impl CallOption {
    /// Reads the terms from environment variables; those not set have the value of a textbook.
    pub(crate) fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let positive = |name: &str, default: f64| number(variable, name, default, f64::MIN_POSITIVE);
        Ok(Self {
            spot: positive("SPOT", 100.0)?,
            strike: positive("STRIKE", 105.0)?,
            rate: number(variable, "RATE", 0.03, -1.0)?,
            volatility: positive("VOLATILITY", 0.2)?,
            years: positive("YEARS", 1.0)?,
        })
    }

    fn discount(&self) -> f64 {
        (-self.rate * self.years).exp()
    }

    /// The standard deviation of the logarithm of the last price.
    fn spread(&self) -> f64 {
        self.volatility * self.years.sqrt()
    }

    fn drift(&self) -> f64 {
        self.rate * self.years - self.spread().powi(2) / 2.0
    }
}

impl Model for CallOption {
    fn name(&self) -> &'static str {
        "option"
    }

    fn unit(&self) -> &'static str {
        "the payment of one path, discounted"
    }

    fn known(&self) -> Option<f64> {
        let log = (self.spot / self.strike).ln() + self.drift();
        let below = log / self.spread();
        Some(self.spot * cumulative(below + self.spread()) - self.strike * self.discount() * cumulative(below))
    }

    fn range(&self) -> (f64, f64) {
        (0.0, self.spot * (3.0 * self.spread()).exp() * 0.5)
    }

    fn sample(&self, random: &mut Random) -> f64 {
        let last = self.spot * (self.drift() + self.spread() * normal(random)).exp();
        (last - self.strike).max(0.0) * self.discount()
    }
}

fn number(variable: &dyn Fn(&str) -> Option<String>, name: &str, default: f64, least: f64) -> Result<f64> {
    let Some(text) = variable(name) else {
        return Ok(default);
    };
    match text.trim().parse() {
        Ok(value) if (least..=1e6).contains(&value) => Ok(value),
        _ => Err(Problem::Usage(format!("{name}={text} is not a number in the range of this model"))),
    }
}

/// The distribution function of the standard normal distribution.
fn cumulative(x: f64) -> f64 {
    libm::erfc(-x / SQRT_2) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_gives_the_price_of_the_textbook() {
        let terms = |name: &str| match name {
            "SPOT" => Some("42".to_owned()),
            "STRIKE" => Some("40".to_owned()),
            "RATE" => Some("0.1".to_owned()),
            "YEARS" => Some("0.5".to_owned()),
            _ => None,
        };
        // Hull, Options, Futures, and Other Derivatives: 4.76.
        let price = CallOption::from_variables(&terms).ok().and_then(|option| option.known());
        assert!(price.is_some_and(|price| (price - 4.76).abs() < 0.005), "{price:?}");
    }

    #[test]
    fn impossible_terms_are_refused_by_name() {
        for (name, value) in [("SPOT", "0"), ("YEARS", "-1"), ("RATE", "NaN"), ("VOLATILITY", "much")] {
            let terms = |asked: &str| (asked == name).then(|| value.to_owned());
            let outcome = CallOption::from_variables(&terms);
            assert!(matches!(outcome, Err(Problem::Usage(message)) if message.starts_with(name)));
        }
    }
}
