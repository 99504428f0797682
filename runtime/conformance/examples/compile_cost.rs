//! Searches for the module that costs most to compile, by its bytes, and measures modules. See `FUZZING.md`.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bacalhau_conformance::fuzz::cost::{child, search::Found, search::Search};
use bacalhau_runtime::measure;
use clap::Parser;

#[derive(Parser)]
#[command(about = "Searches for the module that costs most to compile, by its bytes")]
enum Arguments {
    /// Searches, and keeps the worst in a file of one shape a line
    Search {
        /// The file, which is read first if it is there
        #[arg(long, default_value = "conformance/corpus/compile-cost.jsonl")]
        corpus: PathBuf,
        /// How long
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Decides, with its number, how a shape is changed
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Measures modules: how near each comes to its bounds, and what it costs
    Measure {
        /// Modules
        files: Vec<PathBuf>,
        /// Only count, do not compile
        #[arg(long)]
        count: bool,
    },
    /// What the others start for each module
    #[command(hide = true, name = child::ARGUMENT)]
    Child { backend: String },
}

fn main() -> io::Result<()> {
    match Arguments::parse() {
        Arguments::Search { corpus, seconds, seed } => search(&corpus, Duration::from_secs(seconds), seed),
        Arguments::Measure { files, count } => files.iter().try_for_each(|file| measure_one(file, count)),
        Arguments::Child { backend } => child::run(&backend),
    }
}

fn search(corpus: &Path, time: Duration, seed: u64) -> io::Result<()> {
    let begun = Instant::now();
    let known = fs::read_to_string(corpus).unwrap_or_default();
    let shapes = known.lines().map(serde_json::from_str::<Found>).map(|found| found.map(|found| found.shape));
    let mut search = Search::new(seed, shapes.collect::<Result<_, _>>()?)?;
    while begun.elapsed() < time {
        if search.step()? {
            write(corpus, search.worst())?;
        }
    }
    write(corpus, search.worst())?;
    let mut out = io::stdout().lock();
    writeln!(out, "{} shapes, {} compiled, {} s", search.tried, search.measured, begun.elapsed().as_secs())?;
    for found in search.worst() {
        writeln!(
            out,
            "{:9} {:6} {:7} bytes {:8.2} s/MiB {:8.1} bytes/byte",
            found.tier.name(),
            found.of,
            found.bytes,
            found.cpu_seconds_a_mib,
            found.memory_a_byte
        )?;
    }
    Ok(())
}

/// The three worst of each kind.
fn write(corpus: &Path, worst: &[Found]) -> io::Result<()> {
    let mut text = String::new();
    for (index, found) in worst.iter().enumerate() {
        let before = worst[..index].iter().filter(|other| other.tier == found.tier && other.of == found.of).count();
        if before < 3 {
            text += &serde_json::to_string(found)?;
            text.push('\n');
        }
    }
    fs::write(corpus, text)
}

fn measure_one(file: &Path, count: bool) -> io::Result<()> {
    let wasm = fs::read(file)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{} ({} bytes)", file.display(), wasm.len())?;
    for measured in measure(&wasm) {
        writeln!(out, "  {:12} of {:12} {}", measured.measured, measured.limit, measured.bound)?;
    }
    for tier in child::TIERS.into_iter().filter(|_| !count) {
        let cost = child::cost(&wasm, tier)?;
        let (cpu, memory, compiled) = (cost.cpu.as_secs_f64(), cost.memory_bytes >> 20, cost.compiled);
        writeln!(out, "  {}: {cpu:.2} s of CPU, {memory} MiB, compiled: {compiled}", tier.name())?;
    }
    Ok(())
}
