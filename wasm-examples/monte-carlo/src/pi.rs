//! Pi from points thrown into a square: the part of them that falls into the quarter circle, times four.
//!
//! It is the slowest known way to a digit of pi; it is here because everybody knows the answer.

use crate::model::{Model, Random, uniform};

const POINTS: u32 = 1000;

pub(crate) struct Pi;

impl Model for Pi {
    fn name(&self) -> &'static str {
        "pi"
    }

    fn unit(&self) -> &'static str {
        "of 1000 points"
    }

    fn known(&self) -> Option<f64> {
        Some(std::f64::consts::PI)
    }

    fn range(&self) -> (f64, f64) {
        (2.98, 3.30)
    }

    fn sample(&self, random: &mut Random) -> f64 {
        let mut inside = 0;
        for _ in 0..POINTS {
            let (x, y) = (uniform(random), uniform(random));
            inside += u32::from(x * x + y * y < 1.0);
        }
        4.0 * f64::from(inside) / f64::from(POINTS)
    }
}
