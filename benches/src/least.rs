//! The minimum time of each side of a comparison, and its ratio to that of the first. On a shared machine the minimum
//! is the most stable statistic.

use std::time::{Duration, Instant};

use crate::cpu_time;

/// The sides of one comparison.
#[derive(Debug)]
pub struct Least {
    question: String,
    sides: Vec<(String, Duration)>,
}

impl Least {
    /// A comparison without sides.
    pub fn new(question: impl Into<String>) -> Self {
        Self { question: question.into(), sides: Vec::new() }
    }

    /// Notes a time of a side and gives it back.
    pub fn note(&mut self, side: &str, time: Duration) -> Duration {
        match self.sides.iter_mut().find(|(name, _)| name == side) {
            Some((_, least)) => *least = time.min(*least),
            None => self.sides.push((side.to_owned(), time)),
        }
        time
    }

    /// Measures `times` calls and records the minimum. The results of the calls are dropped outside of the measurement.
    pub fn wall<T>(&mut self, side: &str, times: u64, mut call: impl FnMut() -> T) -> Duration {
        let once = |_| {
            let start = Instant::now();
            let value = call();
            let time = start.elapsed();
            drop(value);
            self.note(side, time)
        };
        (0..times).map(once).sum()
    }

    /// The same in CPU time of all threads.
    pub fn cpu<T>(&mut self, side: &str, times: u64, mut call: impl FnMut() -> T) -> Duration {
        let once = |_| {
            let start = cpu_time::of_all_threads();
            let value = call();
            let time = cpu_time::of_all_threads().saturating_sub(start);
            drop(value);
            self.note(side, time)
        };
        (0..times).map(once).sum()
    }

    /// Prints each side, its speed relative to the first, and the target.
    pub fn print(&self, reach: &str) {
        let Some((_, first)) = self.sides.first() else { return };
        println!("{}: least times, speed beside the first (reach: {reach})", self.question);
        for (name, time) in &self.sides {
            let ratio = first.as_secs_f64() / time.as_secs_f64();
            println!("    {:>10.2} ms  {ratio:>6.2}  {name}", time.as_secs_f64() * 1e3);
        }
        println!();
    }
}
