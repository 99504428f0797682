//! `bacalhau wasm lower`: writes the core module that a component is lowered to.

use std::path::{Path, PathBuf};

use bacalhau_runtime::{HostFailure, Limits, Link};
use clap::Args;
use serde::Serialize;

use super::by_cid::ByCid;
use super::component;
use super::exit::{Exit, Failure};
use super::interrupt;
use super::machine::Download;
use super::output::{self, Format, Lines, Paint, Render};
use super::progress_output::Ui;
use super::text;
use bacalhau_files::temporary;
use bacalhau_storage::Source;
use bacalhau_values::Size;

const EXAMPLES: &str = "Examples:
  bacalhau wasm lower count.component.wasm -o count.wasm
  bacalhau wasm lower https://example.org/count.component.wasm -o count.wasm --output json";

/// Lower a component to the core module that runs as a job
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct WasmLower {
    /// The component, of the world wasi:cli/command 0.2: a path, an http(s) URL or a CID of a .wasm file
    component: String,

    /// Output file
    #[arg(short = 'o', long, value_name = "FILE")]
    output_path: PathBuf,

    /// Maximum size of the component and of the module
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().module_bytes))]
    module_size: Size,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    download: Download,

    #[command(flatten)]
    by_cid: ByCid,
}

/// The output of the command.
#[derive(Debug, Serialize)]
struct Lowered {
    /// CID of the component.
    component: Link,
    /// CID of the module, which jobs name.
    module: Link,
    /// Size of the module.
    bytes: u64,
}

impl WasmLower {
    /// Lowers the component, writes the module and prints the CIDs.
    ///
    /// # Errors
    /// When the component cannot be read, fetched or lowered, or the module cannot be written.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let source = Source::parse(&self.component)?;
        let ui = Ui::new(false);
        let (sources, _node) = self.download.sources_of(&source, &self.by_cid, &ui, std::env::temp_dir())?;
        let program = component::read(&sources, &ui, &source, self.module_size.0)?;
        let Some(component) = program.component else {
            return Err(Failure::refused(format!(
                "{source} is not a component in binary form: a module runs as it is"
            )));
        };
        let target = &self.output_path;
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let failed = |error| HostFailure::at("write", target, error);
        let file = temporary::written_in(parent, &program.bytes).map_err(failed)?;
        interrupt::not_during(|| file.persist(target)).map_err(failed)?;
        let module = Link::of_raw(&program.bytes);
        output::print(self.output, &Lowered { component, module, bytes: program.bytes.len() as u64 })?;
        Ok(Exit::Success)
    }
}

impl Render for Lowered {
    fn table(&self, _: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("component", self.component.to_string());
        lines.add("module", self.module.to_string());
        lines.add("size", text::bytes(self.bytes));
        lines.into_text()
    }
}
