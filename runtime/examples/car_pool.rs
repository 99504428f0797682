//! Runs one module over several roots of a CAR file, two at a time, and shows how far each run is.
//!
//! `cargo run -p bacalhau-runtime --example car_pool -- MODULE CAR ROOT...`

#![expect(clippy::disallowed_methods, reason = "a program, unlike the library, looks at the world")]

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_cas::{car::CarFile, unixfs::DagTree};
use bacalhau_runtime::{Inputs, Job, Link, Options, Pool, PoolOptions, Runtime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [module, car, roots @ ..] = args.as_slice() else {
        return Err("usage: car_pool MODULE CAR ROOT...".into());
    };
    let place = tempfile::tempdir()?;
    let runtime = Runtime::new(&Options::default())?;
    let module = runtime.load(&std::fs::read(module)?)?;
    // Each block is checked against its CID when the program reads it.
    let car = Arc::new(CarFile::open(Path::new(car), &place.path().join("index"))?);
    let options = PoolOptions::default().with_max_runs(NonZero::<usize>::MIN.saturating_add(1));
    let pool = Pool::new(&runtime, place.path(), options);

    let mut runs = Vec::new();
    for root in roots {
        let tree = DagTree::open(car.clone(), root.parse::<Link>()?.cid(), "")?;
        let mut job = Job::new(module.cid());
        job.inputs.insert("/inputs".into(), None);
        let inputs: Inputs = [("/inputs".into(), Arc::new(tree) as _)].into();
        runs.push((root, pool.start(&module, job, inputs, Duration::from_mins(10))?));
    }
    for (root, run) in runs {
        let results = loop {
            match run.wait_for(Duration::from_secs(1)) {
                Some(ended) => break ended?,
                None => eprintln!("{root}: {:?}", run.progress()),
            }
        };
        println!("{root}: {}, {}", results.receipt().claim.outcome, results.receipt().claim.h1);
    }
    Ok(())
}
