//! The examples of `wasm-examples/` as complete jobs through the runtime: a WASI program, input files, and the hash of
//! its results. The claims of the receipts are compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use bacalhau_runtime::{HostTree, Inputs, Job, Options, Receipt, Runtime, Unclaimed};
use serde::Deserialize;

use crate::claim::{Claim, HOST, MemoryDigest};

/// Far more than any of them takes, under emulation too.
const PATIENCE: Duration = Duration::from_mins(10);

/// The limit is part of the claims in the golden file, whatever the default is today.
const FUEL: u64 = 100_000_000_000;

/// One entry of `wasm-examples/expected.json`. Paths count from the top of the repository.
#[derive(Deserialize)]
struct Example {
    name: String,
    module: PathBuf,
    args: Vec<String>,
    inputs: Vec<Input>,
    env: BTreeMap<String, String>,
    #[serde(default)]
    seed: u64,
}

#[derive(Deserialize)]
struct Input {
    src: PathBuf,
    dst: String,
}

/// Runs all examples of the repository that is at `top`.
///
/// # Errors
///
/// The examples cannot be read, or the runtime does not start here.
pub fn claims(top: &Path) -> Result<Vec<Claim>, String> {
    let list = top.join("wasm-examples/expected.json");
    let bytes = fs::read(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let examples: Vec<Example> =
        serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", list.display()))?;
    let runtime = Runtime::new(&Options::default()).map_err(|error| error.to_string())?;
    Ok(examples.iter().map(|example| claim(example, run(&runtime, example, top))).collect())
}

fn run(runtime: &Runtime, example: &Example, top: &Path) -> Result<Receipt, String> {
    let bytes = fs::read(top.join(&example.module)).map_err(|error| error.to_string())?;
    let module = runtime.load(&bytes).map_err(|error| error.to_string())?;
    let mut job = Job::new(module.cid());
    job.args.clone_from(&example.args);
    job.env.clone_from(&example.env);
    job.seed = example.seed;
    job.limits.fuel = FUEL;
    let mut inputs = Inputs::new();
    for Input { src, dst } in &example.inputs {
        job.inputs.insert(dst.clone(), None);
        let tree = HostTree::open(&top.join(src)).map_err(|error| error.to_string())?;
        inputs.insert(dst.clone(), Arc::new(tree));
    }
    let results = env::temp_dir().join(format!("bacalhau-conformance-{}-{}", std::process::id(), example.name));
    let receipt = runtime.run(&module, &job, &inputs, &results, PATIENCE);
    // The claim has the hash of its output.
    let _ = fs::remove_dir_all(&results);
    receipt.map_err(|error| error.to_string())
}

fn claim(example: &Example, receipt: Result<Receipt, String>) -> Claim {
    let case = format!("job: {}", example.name);
    let mut digest = MemoryDigest::default();
    let receipt = match receipt {
        Ok(mut receipt) => {
            receipt.unclaimed = Unclaimed::default();
            receipt
        }
        Err(error) => {
            let (end, memory) = (format!("{HOST}{error}"), digest.finish());
            return Claim { case, end, fuel: 0, globals: [].into(), memory, results: Vec::new() };
        }
    };
    digest.add("receipt", &receipt.to_dag_cbor());
    let text = serde_json::to_value(&receipt.claim).unwrap_or_default();
    Claim {
        case,
        end: receipt.claim.outcome.to_string(),
        fuel: text["fuel"].as_u64().unwrap_or(0),
        globals: [].into(),
        memory: digest.finish(),
        results: vec![text.to_string()],
    }
}
