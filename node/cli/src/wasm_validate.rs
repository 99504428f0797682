//! `bacalhau wasm validate`: checks whether a module can run, and lists its imports and limits. Compiles and runs
//! nothing.

use bacalhau_runtime::{
    DEFAULT_ENTRY_POINT, Inspection, Limits, Link, Refusal, check_entry, describe, inspect, to_binary,
};
use clap::Args;
use serde::Serialize;

use super::by_cid::ByCid;
use super::component::Program;
use super::data;
use super::exit::{Exit, Failure};
use super::machine::Download;
use super::output::{self, Format, Lines, Paint, Render};
use super::progress_output::Ui;
use super::text::{bytes, count, harmless, thousands};
use bacalhau_lower::is_component;
use bacalhau_storage::Source;
use bacalhau_values::Size;

const PAGE_BYTES: u64 = 64 << 10;

const EXAMPLES: &str = "Examples:
  bacalhau wasm validate count.wasm
  bacalhau wasm validate library.wasm --entry-point tick
  bacalhau wasm validate https://example.org/count.wasm --output json";

/// Check whether a module can run, and list what it needs
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct WasmValidate {
    /// A module or component: a path, an http(s) URL or a CID of a .wasm or .wat file
    module: String,

    /// Exported function to check
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ENTRY_POINT)]
    entry_point: String,

    /// Memory limit of the run
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().memory_bytes))]
    memory: Size,

    /// Table element limit of the run
    #[arg(long, value_name = "N", default_value_t = Limits::default().table_elements)]
    table_elements: u64,

    /// Maximum size of the module
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
struct Answer {
    /// Whether the module can run.
    accepted: bool,
    /// The problems.
    problems: Vec<String>,
    /// CID of the component, if it is one: the rest is about the module that it is lowered to.
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<Link>,
    /// CID of the binary; absent when the text cannot be converted.
    module: Option<Link>,
    /// The exported function.
    entry_point: String,
    /// Initial linear memory in bytes.
    memory_bytes: u64,
    /// Limit of linear memory in bytes.
    memory_limit_bytes: u64,
    /// Initial table elements.
    table_elements: u64,
    /// Limit of table elements.
    table_elements_limit: u64,
    /// Imports, exports and sections; absent when the bytes are not a valid module.
    inspection: Option<Inspection>,
}

impl WasmValidate {
    /// Inspects the module and prints the result.
    ///
    /// # Errors
    /// When the module cannot be read or fetched.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let source = Source::parse(&self.module)?;
        let ui = Ui::new(false);
        let (sources, _node) = self.download.sources_of(&source, &self.by_cid, &ui, std::env::temp_dir())?;
        let text = data::read_module(&sources, &ui, &source, self.module_size.0)?;
        let mut answer = Answer {
            accepted: false,
            problems: Vec::new(),
            component: is_component(&text).then(|| Link::of_raw(&text)),
            module: None,
            entry_point: self.entry_point.clone(),
            memory_bytes: 0,
            memory_limit_bytes: self.memory.0,
            table_elements: 0,
            table_elements_limit: self.table_elements,
            inspection: None,
        };
        match Program::of(text, self.module_size.0) {
            Err(error) => answer.problems.push(error.to_string()),
            Ok(program) => {
                if let Err(refusal) = answer.look(&program.bytes, self.module_size.0) {
                    answer.problems.push(refusal.to_string());
                }
            }
        }
        answer.accepted = answer.problems.is_empty();
        output::print(self.output, &answer)?;
        Ok(if answer.accepted { Exit::Success } else { Exit::Refused })
    }
}

impl Answer {
    /// Fills in the properties of the module. Stops at an error after which nothing more is known.
    fn look(&mut self, text: &[u8], max_bytes: u64) -> Result<(), Refusal> {
        let binary = to_binary(text, max_bytes)?;
        self.module = Some(Link::of_raw(&binary));
        let inspection = describe(&binary, max_bytes)?;
        self.memory_bytes = inspection.memories.iter().map(|memory| memory.min_pages.saturating_mul(PAGE_BYTES)).sum();
        self.table_elements = inspection.tables.iter().map(|table| table.min_elements).sum();
        let checks = [inspect(&binary, max_bytes).map(|_| ()), check_entry(&inspection, &self.entry_point)];
        self.problems.extend(checks.into_iter().filter_map(Result::err).map(|refusal| refusal.to_string()));
        self.check_needs();
        self.inspection = Some(inspection);
        Ok(())
    }

    fn check_needs(&mut self) {
        if self.memory_bytes > self.memory_limit_bytes {
            let (needs, has) = (bytes(self.memory_bytes), bytes(self.memory_limit_bytes));
            self.problems
                .push(format!("the module starts with {needs} of memory, but the limit is {has}: raise --memory"));
        }
        if self.table_elements > self.table_elements_limit {
            let (needs, has) = (thousands(self.table_elements), thousands(self.table_elements_limit));
            self.problems.push(format!(
                "the module starts with {needs} table elements, but the limit is {has}: raise --table-elements"
            ));
        }
    }

    fn add_inspection(&self, lines: &mut Lines, inspection: &Inspection) {
        lines.add("entry", format!("{} (it has {})", self.entry_point, list(&inspection.entry_points)));
        lines
            .add("memory", format!("{} at the start, of {}", bytes(self.memory_bytes), bytes(self.memory_limit_bytes)));
        let (elements, limit) = (thousands(self.table_elements), thousands(self.table_elements_limit));
        lines.add("tables", format!("{elements} elements at the start, of {limit}"));
        let missing = inspection.imports.iter().filter(|import| !import.provided).count();
        let imports = count(inspection.imports.len(), "import");
        lines.add(
            "imports",
            if missing == 0 { format!("{imports}, all provided") } else { format!("{imports}, {missing} missing") },
        );
        for import in &inspection.imports {
            let provided = if import.provided { "" } else { "  missing" };
            let name = harmless(&format!("{}.{}", import.module, import.name));
            lines.add("", format!("{name}  {}{provided}", import.ty));
        }
    }
}

impl Render for Answer {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        let verdict = if self.accepted { paint.green("can be run") } else { paint.red("cannot be run") };
        lines.add("verdict", verdict);
        for problem in &self.problems {
            lines.add("problem", problem);
        }
        if let Some(component) = &self.component {
            lines.add("component", component.to_string());
        }
        if let Some(module) = &self.module {
            lines.add("module", module.to_string());
        }
        if let Some(inspection) = &self.inspection {
            lines.add(
                "size",
                format!("{}, {}", bytes(inspection.bytes), count(inspection.functions as usize, "function")),
            );
            lines.add("profile", inspection.profile.clone());
            self.add_inspection(&mut lines, inspection);
        }
        lines.into_text()
    }
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| harmless(name)).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
