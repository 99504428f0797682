//! Named counts of a campaign.

use std::collections::BTreeMap;
use std::fmt;

/// Numbers by name: sums, and largest values beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    sums: BTreeMap<String, u64>,
    most: BTreeMap<String, f64>,
}

impl Counts {
    /// Adds to a number.
    pub fn add(&mut self, name: &str, count: u64) {
        *self.sums.entry(name.to_owned()).or_default() += count;
    }

    /// Remembers a value if it is the largest yet.
    pub fn most(&mut self, name: &str, value: f64) {
        let most = self.most.entry(name.to_owned()).or_insert(value);
        *most = most.max(value);
    }

    /// A sum; 0 for an unknown name.
    pub fn sum(&self, name: &str) -> u64 {
        self.sums.get(name).copied().unwrap_or(0)
    }

    /// A largest value, if there was any.
    pub fn largest(&self, name: &str) -> Option<f64> {
        self.most.get(name).copied()
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.sums {
            self.add(name, *count);
        }
        for (name, value) in &other.most {
            self.most(name, *value);
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.sums {
            writeln!(f, "{count:>10}  {name}")?;
        }
        for (name, value) in &self.most {
            writeln!(f, "{value:>10.2}  {name}")?;
        }
        Ok(())
    }
}
