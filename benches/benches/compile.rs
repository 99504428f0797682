//! Does the work on a hostile module grow with its bytes? For each shape the bounds' scan and the instrumentation, at n and at 4n
//! bytes. The throughput of the two has to be about equal: where it falls to a quarter, something is quadratic.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::time::Duration;

use bacalhau_runtime::{inspect, instrument::instrument, measure};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

/// A module of one function with parameters, locals and a body.
fn module(head: &str, body: &str) -> Vec<u8> {
    wat::parse_str(format!("(module (memory 1) (func {head} {body}))")).unwrap()
}

fn nested(n: usize) -> Vec<u8> {
    module("", &format!("{} {}", "block ".repeat(n), "end ".repeat(n)))
}

/// Calls in nested blocks: the pass must find out for each whether it is in a loop.
fn calls_in_blocks(n: usize) -> Vec<u8> {
    module("$f", &format!("{} {} {}", "block ".repeat(n), "call $f ".repeat(n), "end ".repeat(n)))
}

/// Sums of floats in nested loops, which few locals carry.
fn float_loops(n: usize) -> Vec<u8> {
    let each = "loop local.get 0 local.get 1 f64.add local.set 0 ".repeat(n);
    module("(param f64 f64) (result f64)", &format!("{each} {} local.get 0", "end ".repeat(n)))
}

/// Choices between floats, one after the other, with a local for every other one.
fn float_choices(n: usize) -> Vec<u8> {
    let locals = "f64 ".repeat(n / 2);
    let each = |index| format!("local.get 0 if local.get {0} f64.sqrt local.set {0} end ", 1 + index % (n / 2));
    module(&format!("(param i32) (local {locals})"), &(0..n).map(each).collect::<String>())
}

/// A branch table over unused locals.
fn table(n: usize) -> Vec<u8> {
    let labels: String = (0..n).map(|label| format!("{label} ")).collect();
    let (blocks, ends, locals) = ("block ".repeat(n), "end ".repeat(n), "f64 ".repeat(n));
    let body = format!("local.get 0 local.get 0 f64.add drop {blocks} i32.const 0 br_table {labels} {ends}");
    module(&format!("(param f64) (local {locals})"), &body)
}

/// A name, the module of a size, and the smaller size.
type Shape = (&'static str, fn(usize) -> Vec<u8>, usize);

const SHAPES: [Shape; 5] = [
    ("nested blocks", nested, 4_000),
    ("calls in blocks", calls_in_blocks, 4_000),
    ("floats in loops", float_loops, 190),
    ("choices of floats", float_choices, 150),
    ("table", table, 2_000),
];

fn compile(c: &mut Criterion) {
    for (name, shape, n) in SHAPES {
        let mut group = c.benchmark_group(format!("compile {name}"));
        group.sample_size(10).measurement_time(Duration::from_secs(2));
        for (size, wasm) in [("n", shape(n)), ("4n", shape(4 * n))] {
            inspect(&wasm, u64::MAX).unwrap();
            sides(&mut group, size, &wasm);
        }
        group.finish();
    }
}

fn sides(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, wasm: &[u8]) {
    group.throughput(Throughput::Bytes(wasm.len() as u64));
    group.bench_function(format!("bounds, {size}"), |b| b.iter(|| measure(wasm)));
    group.bench_function(format!("instrumentation, {size}"), |b| b.iter(|| instrument(wasm).unwrap()));
}

criterion_group!(benches, compile);
criterion_main!(benches);
