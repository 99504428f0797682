//! The whole of embedding: load a module, run it over a directory, read the receipt.
//!
//! `cargo run -p bacalhau-runtime --example embed -- MODULE INPUT_DIR RESULTS_DIR [JOB.json]`

#![expect(clippy::disallowed_methods, reason = "a program, unlike the library, looks at the world")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{HostTree, Inputs, Job, Options, Runtime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [module, input, results, rest @ ..] = args.as_slice() else {
        return Err("usage: embed MODULE INPUT_DIR RESULTS_DIR [JOB.json]".into());
    };

    let runtime = Runtime::new(&Options::default())?;
    let module = runtime.load(&std::fs::read(module)?)?;

    // The file has what differs from the defaults.
    let mut job = match rest {
        [path] => Job::from_json(&std::fs::read(path)?, Some(module.cid()))?,
        _ => Job::new(module.cid()),
    };
    job.inputs.insert("/inputs".into(), None);
    let inputs: Inputs = BTreeMap::from([("/inputs".into(), Arc::new(HostTree::open(Path::new(input))?) as _)]);

    let receipt = runtime.run(&module, &job, &inputs, Path::new(results), Duration::from_mins(1))?;
    print!("{}", receipt.to_json());
    Ok(())
}
