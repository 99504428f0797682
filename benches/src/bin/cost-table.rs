//! Prints the cost of the instrumentation as a Markdown table. The sides alternate, so other load of the machine
//! affects all of them alike. The minimum of several runs counts.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark that cannot go on has to stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use benches::{GUESTS, Program, Side, cpu_time};
use clap::Parser;
use wasmtime::Module;

/// Cost of metering, stack and NaN in the module, compared with bare wasmtime and with wasmtime's own fuel and NaN.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only this guest; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Runs of each side; the least counts.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Modules of your own in place of the guests: each exports `run`, without parameters, returning an i64.
    #[arg(value_name = "MODULE.wasm")]
    modules: Vec<PathBuf>,
}

fn main() {
    let arguments = Arguments::parse();
    let chosen = choose(&arguments);
    let compared = &Side::ALL[1..];
    let names = compared.iter().map(|side| side.name()).collect::<Vec<_>>().join(" | ");
    println!("| guest | bare, ms | {names} | code, wasmtime | code, bacalhau | pass / compile | fuel |");
    println!("|---|{}", "---:|".repeat(compared.len() + 5));
    let rows: Vec<Row> = chosen
        .iter()
        .map(|(name, path)| {
            let row =
                Row::measure(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())), arguments.runs);
            println!("| {name} | {:.1} | {} | {} |", row.bare.as_secs_f64() * 1e3, cells(&row.figures), row.fuel);
            row
        })
        .collect();
    let means = std::array::from_fn(|column| geometric_mean(rows.iter().map(|row| row.figures[column])));
    println!("| geometric mean | | {} | |", cells(&means));
}

/// Names and paths of the selected guests.
fn choose(arguments: &Arguments) -> Vec<(String, PathBuf)> {
    let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if !arguments.modules.is_empty() {
        return arguments.modules.iter().map(|path| (stem(path), path.clone())).collect();
    }
    let known = |name: &String| GUESTS.iter().any(|(guest, _)| guest == name);
    if let Some(unknown) = arguments.only.iter().find(|name| !known(name)) {
        let names = GUESTS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        eprintln!("there is no guest {unknown}: there are {names}");
        std::process::exit(2);
    }
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let guests = GUESTS.iter().filter(|(name, _)| wanted(name));
    guests.map(|(name, path)| ((*name).to_owned(), Path::new(path).to_owned())).collect()
}

/// The ratios of a row: time of the compared sides; machine code of wasmtime's fuel and NaN, and of ours; time of the pass.
type Figures = [f64; 7];

struct Row {
    bare: Duration,
    figures: Figures,
    /// As wasmtime counts it, or both figures.
    fuel: String,
}

impl Row {
    fn measure(wasm: &[u8], runs: u32) -> Self {
        let modules = Side::ALL.map(|side| side.compile(&side.prepare(wasm)));
        let mut programs: Vec<Program> =
            Side::ALL.iter().zip(&modules).map(|(side, module)| Program::new(*side, module)).collect();
        // The first runs, which touch their memory for the first time, are compared and not timed.
        let first: Vec<_> = programs.iter_mut().map(Program::call).collect();
        for (side, run) in Side::ALL.iter().zip(&first) {
            assert_eq!(run.checksum, first[0].checksum, "{} computes something else than bare", side.name());
        }
        let mut least = [Duration::MAX; Side::ALL.len()];
        for round in 0..runs as usize {
            for turn in 0..programs.len() {
                let index = (round + turn) % programs.len();
                let (_, time) = cpu_time::of(|| programs[index].call());
                least[index] = least[index].min(time);
            }
        }
        let code = Side::ALL.map(|side| code_size(&modules[side as usize]));
        let time = |side: Side| ratio(least[side as usize], least[Side::Bare as usize]);
        let figures = [
            time(Side::Fuel),
            time(Side::Nan),
            time(Side::FuelAndNan),
            time(Side::Bacalhau),
            code[Side::FuelAndNan as usize] / code[Side::Bare as usize],
            code[Side::Bacalhau as usize] / code[Side::Bare as usize],
            ratio(pass_time(wasm), compile_time(wasm)),
        ];
        let [theirs, ours] = [Side::Fuel, Side::Bacalhau].map(|side| first[side as usize].fuel.unwrap());
        let fuel = if theirs == ours { ours.to_string() } else { format!("**{ours}, wasmtime {theirs}**") };
        Self { bare: least[Side::Bare as usize], figures, fuel }
    }
}

/// Bytes of machine code of the module's own functions.
fn code_size(module: &Module) -> f64 {
    module.functions().map(|function| function.len).sum::<usize>() as f64
}

/// The instrumentation on one thread.
fn pass_time(wasm: &[u8]) -> Duration {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    one_thread.install(|| least_of_three(|| drop(Side::Bacalhau.prepare(wasm))))
}

/// Cranelift's optimised compilation of the module as it was, on one thread.
fn compile_time(wasm: &[u8]) -> Duration {
    least_of_three(|| drop(Side::Bare.compile(wasm)))
}

fn least_of_three(call: impl Fn()) -> Duration {
    (0..3).map(|_| cpu_time::of(&call).1).min().unwrap()
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn cells(figures: &Figures) -> String {
    let [times @ .., pass] = figures;
    let times = times.map(|ratio| format!("{ratio:.2}")).join(" | ");
    format!("{times} | {:.1} %", pass * 100.0)
}

fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value.ln(), count + 1));
    (sum / f64::from(count)).exp()
}
