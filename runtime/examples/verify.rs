//! Runs the job of a receipt again and compares the claims.
//!
//! `cargo run -p bacalhau-runtime --example verify -- RECEIPT MODULE [GUEST_PATH=INPUT]...`

#![expect(clippy::disallowed_methods, reason = "a program, unlike the library, looks at the world")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{HostTree, Inputs, Options, Receipt, Runtime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [receipt, module, given @ ..] = args.as_slice() else {
        return Err("usage: verify RECEIPT MODULE [GUEST_PATH=INPUT]...".into());
    };
    let receipt = Receipt::parse(&std::fs::read(receipt)?)?;
    let runtime = Runtime::new(&Options::default())?;
    let module = runtime.load(&std::fs::read(module)?)?;
    let mut inputs = Inputs::new();
    for pair in given {
        let (at, path) = pair.split_once('=').ok_or("write an input as GUEST_PATH=INPUT")?;
        inputs.insert(at.into(), Arc::new(HostTree::open(Path::new(path))?));
    }

    // The job of a receipt has the identities of its inputs: others are refused.
    let place = tempfile::tempdir()?;
    let execution = runtime.execute(&module, &receipt.claim.job, &inputs, place.path(), Duration::from_mins(10))?;
    let again = execution.hash()?;
    let differences = receipt.differences(again.receipt());
    if differences.is_empty() {
        println!("equal: {}", receipt.claim.h1);
        return Ok(());
    }
    for difference in differences {
        println!("{}: {} in the receipt, {} here", difference.what, difference.expected, difference.found);
    }
    Err("the results of the receipt are not those of its job".into())
}
