//! `bacalhau wasm run`: runs a WebAssembly program as a job.

use clap::Args;

use super::exit::{Exit, Failure};
use super::wasm_args::{Guest, WasmArgs};
use bacalhau_storage::Source;

const EXAMPLES: &str = "Examples:
  bacalhau wasm run hello.wasm
  bacalhau wasm run count.wasm -i ./texts -- --top 10
      a directory is mounted at /inputs; arguments after -- go to the program
  bacalhau wasm run thumbs.wasm -i photos:/in -i https://example.org/a.png -o small:/out
      files and URLs are mounted at /inputs/NAME; /out is kept as results/small
  bacalhau wasm run count.wasm -i ipfs://bafy…/texts:/inputs --filecoin-unsealed-path '/var/lib/data/{{.Cid}}'
      by CID: from an unsealed copy if there is one, otherwise block by block from peers
  sort list | bacalhau wasm run count.wasm --stdin -
      standard input becomes an input of the job, and the program's standard input
  bacalhau wasm run job.wasm -c 5 --confidence 4 --output json
      five runs, of which four must agree; the summary as JSON";

/// Run a WebAssembly program and verify its result
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct WasmRun {
    /// The program, a module or component: a path, an http(s) URL or a CID of a .wasm or .wat file
    module: String,

    /// Arguments for the program
    args: Vec<String>,

    /// Arguments for the program that begin with a dash
    #[arg(last = true, value_name = "GUEST ARGS")]
    guest_args: Vec<String>,

    #[command(flatten)]
    wasm: WasmArgs,
}

impl WasmRun {
    /// Runs the job and prints the summary.
    ///
    /// # Errors
    /// When there is no result to report: usage error, rejected job, host failure.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        self.wasm.run(Guest {
            module: Source::parse(&self.module)?,
            args: self.args.iter().chain(&self.guest_args).cloned().collect(),
            env: self.wasm.job.env()?,
            mounts: Vec::new(),
        })
    }
}
