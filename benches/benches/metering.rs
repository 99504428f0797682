//! The cost of the instrumentation: each guest bare, with wasmtime's own fuel and NaN canonicalization, and
//! instrumented for fuel, stack and NaN, in thread CPU time. Criterion measures one side after the other, so a change
//! of the load of the machine shows in the ratios; the command `cost-table` alternates.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark")]

use std::fs;
use std::time::Duration;

use benches::{GUESTS, Program, Side, cpu_time};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, criterion_group, criterion_main};

/// Wall-clock time, but only the part in which this thread ran.
struct ThreadCpuTime;

impl Measurement for ThreadCpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        cpu_time::now()
    }

    fn end(&self, start: Duration) -> Duration {
        cpu_time::now().saturating_sub(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn metering(c: &mut Criterion<ThreadCpuTime>) {
    for (name, path) in GUESTS {
        let wasm = fs::read(path).unwrap();
        let mut group = c.benchmark_group(format!("metering {name}"));
        group.sample_size(10);
        for side in [Side::Bare, Side::FuelAndNan, Side::Bacalhau] {
            let mut program = Program::new(side, &side.compile(&side.prepare(&wasm)));
            group.bench_function(side.name(), |b| b.iter(|| program.call()));
        }
        group.finish();
    }
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(ThreadCpuTime); targets = metering);
criterion_main!(benches);
