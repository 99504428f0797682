//! Start latency of a program: compiling it, loading its compiled form, and running an empty one. Compared with plain
//! wasmtime in the same run.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use bacalhau_runtime::{Job, Options, Runtime};
use benches::{Ours, Stock, example};
use criterion::{Criterion, criterion_group, criterion_main};
use tempfile::TempDir;
use wasmtime::{Engine, Instance, Module, Store};

fn empty() -> Vec<u8> {
    wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap()
}

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile word-count");
    group.sample_size(10);
    let wasm = example("word-count");
    let runtime = Runtime::new(&Options::default()).unwrap();
    group.bench_function("bacalhau", |b| b.iter(|| runtime.load(black_box(&wasm)).unwrap()));
    let engine = Engine::default();
    group.bench_function("plain wasmtime", |b| b.iter(|| Module::new(&engine, black_box(&wasm)).unwrap()));
    group.finish();
}

fn load_cached(c: &mut Criterion) {
    let mut group = c.benchmark_group("load word-count compiled");
    let wasm = example("word-count");
    let cache = TempDir::new().unwrap();
    let options = Options::default().with_cache_dir(cache.path());
    let runtime = Runtime::new(&options).unwrap();
    runtime.load(&wasm).unwrap();
    group.bench_function("bacalhau (checked)", |b| b.iter(|| runtime.load(black_box(&wasm)).unwrap()));
    let engine = Engine::default();
    let file = cache.path().join("plain");
    std::fs::write(&file, Module::new(&engine, &wasm).unwrap().serialize().unwrap()).unwrap();
    group.bench_function("plain wasmtime (trusting)", |b| {
        #[expect(unsafe_code, reason = "the file was written a moment ago")]
        // SAFETY: as above, by `serialize` of the same engine.
        b.iter(|| unsafe { Module::deserialize_file(&engine, black_box(&file)).unwrap() });
    });
    group.finish();
}

/// An empty function in a loaded module: the whole run with its results directory, and its parts.
fn run_nothing(c: &mut Criterion) {
    let mut group = c.benchmark_group("run nothing");
    let runtime = Runtime::new(&Options::default()).unwrap();
    let module = runtime.load(&empty()).unwrap();
    let job = Job::new(module.cid());
    let place = TempDir::new().unwrap();
    group.bench_function("bacalhau: execute", |b| {
        b.iter(|| runtime.execute(&module, &job, &BTreeMap::new(), place.path(), Duration::from_mins(1)).unwrap());
    });
    let mut ours = Ours::new(&empty(), None);
    group.bench_function("bacalhau: run to hashed results", |b| b.iter(|| ours.run(&[])));
    let engine = Engine::default();
    let plain = Module::new(&engine, empty()).unwrap();
    group.bench_function("plain wasmtime: instantiate and call", |b| {
        b.iter(|| {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &plain, &[]).unwrap();
            instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap().call(&mut store, ()).unwrap();
        });
    });
    let mut stock = Stock::new(&empty());
    group.bench_function("plain wasmtime with WASI and an output directory", |b| b.iter(|| stock.run(&[], None)));
    group.finish();
}

criterion_group!(benches, compile, load_cached, run_nothing);
criterion_main!(benches);
