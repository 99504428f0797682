//! The examples of `wasm-examples` and what is expected of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_runtime::{HostTree, Inputs, Job};
use serde::Deserialize;

/// One entry of `wasm-examples/expected.json`. Paths count from the top of the repository.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Its name.
    pub name: String,
    /// The committed module.
    pub module: PathBuf,
    /// Arguments.
    pub args: Vec<String>,
    /// Inputs.
    pub inputs: Vec<Input>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Seed of its random numbers.
    #[serde(default)]
    pub seed: u64,
    /// Hash of its results.
    pub h1: String,
}

/// An input of an example.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Path of the data.
    pub src: PathBuf,
    /// Where the program sees it.
    pub dst: String,
}

/// The top of the repository.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All examples.
pub fn examples() -> Vec<Example> {
    let examples: Vec<Example> =
        serde_json::from_slice(&fs::read(top().join("wasm-examples/expected.json")).unwrap()).unwrap();
    assert!(examples.len() >= 6, "only {} examples", examples.len());
    examples
}

impl Example {
    /// Gives a job what the example has.
    pub fn fill(&self, job: &mut Job) {
        job.args.clone_from(&self.args);
        job.env.clone_from(&self.env);
        job.seed = self.seed;
        job.inputs.extend(self.inputs.iter().map(|input| (input.dst.clone(), None)));
    }

    /// Its inputs, opened.
    pub fn open(&self) -> Inputs {
        let mut inputs = Inputs::new();
        for Input { src, dst } in &self.inputs {
            inputs.insert(dst.clone(), Arc::new(HostTree::open(&top().join(src)).unwrap()));
        }
        inputs
    }
}
