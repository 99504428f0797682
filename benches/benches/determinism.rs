//! The cost of determinism: real programs in the sandbox (fuel, NaN canonicalization, exact stack, virtual file tree,
//! hashed results) and in plain wasmtime with stock WASI, in the same run.
#![allow(missing_docs, reason = "a benchmark")]

use benches::{Ours, Stock, example, example_data};
use criterion::{Criterion, criterion_group, criterion_main};

/// Name, data, arguments: integers and text, regular expressions, hashing, and floats.
const PROGRAMS: [(&str, Option<&str>, &[&str]); 5] = [
    ("word-count", Some("texts"), &[]),
    ("log-search", Some("logs"), &["\" 50[0-9] "]),
    ("merkle-root", Some("orders"), &["--chunk-size", "256"]),
    ("thumbnails", Some("pictures"), &["--size", "96"]),
    ("monte-carlo", None, &["option", "--samples", "1000000"]),
];

fn cost(c: &mut Criterion) {
    for (name, data, args) in PROGRAMS {
        let wasm = example(name);
        let input = data.map(example_data);
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        let mut ours = Ours::new(&wasm, input.as_deref());
        group.bench_function("bacalhau", |b| b.iter(|| ours.run(args)));
        let mut stock = Stock::new(&wasm);
        group.bench_function("plain wasmtime", |b| b.iter(|| stock.run(args, input.as_deref())));
        group.finish();
    }
}

criterion_group!(benches, cost);
criterion_main!(benches);
