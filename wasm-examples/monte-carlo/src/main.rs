//! Estimates a number from random samples: pi, the price of an option, or the threshold of percolation.
//! Writes `estimate.csv` (with the standard error) and `histogram.csv` (of the samples).
//!
//! All randomness is drawn from one 32-byte seed asked of WASI, so the seed of the job decides the result to the last
//! digit. It reads no inputs and does not choose the number of samples by itself.

mod estimate;
mod histogram;
mod model;
mod option;
mod percolation;
mod pi;

use estimate::Estimate;
use guest::{Job, Problem, Result};
use histogram::Histogram;
use lexopt::prelude::*;
use model::{Model, Random};
use rand_core::SeedableRng;
use std::{io::Write, process::ExitCode};

const USAGE: &str = "monte-carlo MODEL [--samples N]    (MODEL: pi, option or percolation; N: 10000 if not given)
       the option is described by SPOT, STRIKE, RATE, VOLATILITY and YEARS in the environment";

fn main() -> ExitCode {
    guest::run(USAGE, |job, out| {
        let (model, samples) = parse(job)?;
        sample(job, out, model.as_ref(), samples, &mut random()?)
    })
}

fn sample(job: &Job, out: &mut dyn Write, model: &dyn Model, samples: u32, random: &mut Random) -> Result<()> {
    let mut estimate = Estimate::default();
    let (low, high) = model.range();
    let mut histogram = Histogram::new(low, high);
    for _ in 0..samples {
        let value = model.sample(random);
        estimate.add(value);
        histogram.add(value);
    }
    job.write_output("estimate.csv", estimate.as_csv(model).as_bytes())?;
    job.write_output("histogram.csv", histogram.as_csv().as_bytes())?;
    writeln!(out, "{}: {} samples, each {}", model.name(), estimate.count(), model.unit())?;
    writeln!(out, "estimate  {:.6} ± {:.6}", estimate.mean(), estimate.standard_error())?;
    if let Some(known) = model.known() {
        let errors = (estimate.mean() - known) / estimate.standard_error();
        writeln!(out, "known     {known:.6}{}, {errors:+.2} standard errors away", model.known_note())?;
    }
    out.write_all(histogram.as_text().as_bytes())?;
    writeln!(out, "more digits: estimate.csv; the samples: histogram.csv")?;
    Ok(())
}

fn parse(job: &Job) -> Result<(Box<dyn Model>, u32)> {
    let (mut model, mut samples) = (None, 10_000);
    let mut parser = job.parser();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("samples") => samples = parser.value()?.parse()?,
            Value(name) if model.is_none() => model = Some(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if samples < 2 {
        return Err(Problem::Usage("--samples must be at least 2: one sample has no standard error".into()));
    }
    let model: Box<dyn Model> = match model.as_deref() {
        Some("pi") => Box::new(pi::Pi),
        Some("option") => Box::new(option::CallOption::from_variables(&|name| std::env::var(name).ok())?),
        Some("percolation") => Box::new(percolation::Percolation),
        Some(other) => return Err(Problem::Usage(format!("there is no model {other:?}"))),
        None => return Err(Problem::Usage("no model given".into())),
    };
    Ok((model, samples))
}

fn random() -> Result<Random> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Problem::Input(format!("the host gives no randomness: {error}")))?;
    Ok(Random::from_seed(seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn estimate(model: &dyn Model, samples: u32, seed: u64) -> std::io::Result<String> {
        let root = tempfile::tempdir()?;
        let job = Job { inputs: root.path().into(), outputs: root.path().into(), args: Vec::new() };
        let outcome = sample(&job, &mut Vec::new(), model, samples, &mut Random::seed_from_u64(seed));
        assert_eq!(outcome, Ok(()));
        fs::read_to_string(root.path().join("estimate.csv"))
    }

    #[test]
    fn the_seed_decides_the_result() -> std::io::Result<()> {
        let models: [&dyn Model; 2] = [&pi::Pi, &percolation::Percolation];
        for model in models {
            assert_eq!(estimate(model, 50, 1)?, estimate(model, 50, 1)?);
            assert_ne!(estimate(model, 50, 1)?, estimate(model, 50, 2)?);
        }
        Ok(())
    }

    #[test]
    fn estimates_of_known_numbers_are_close_to_them() {
        let Ok(option) = option::CallOption::from_variables(&|_| None) else {
            panic!("the defaults are valid terms");
        };
        let models: [&dyn Model; 2] = [&pi::Pi, &option];
        for model in models {
            let mut estimate = Estimate::default();
            let mut random = Random::seed_from_u64(7);
            (0..4000).for_each(|_| estimate.add(model.sample(&mut random)));
            let distance = (estimate.mean() - model.known().unwrap_or(f64::NAN)).abs();
            assert!(distance < 4.0 * estimate.standard_error(), "{}: {distance}", model.name());
        }
    }
}
