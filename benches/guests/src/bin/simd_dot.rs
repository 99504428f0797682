//! Dot products with the vectors of WebAssembly, four singles or two doubles at a time.

use std::arch::wasm32::{
    f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, f64x2_add, f64x2_extract_lane, f64x2_mul, f64x2_splat,
    v128_load,
};

#[target_feature(enable = "simd128")]
fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = f32x4_splat(0.0);
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        // SAFETY: both chunks have the 16 bytes that are loaded, and the load needs no alignment.
        let (a, b) = unsafe { (v128_load(a.as_ptr().cast()), v128_load(b.as_ptr().cast())) };
        sum = f32x4_add(sum, f32x4_mul(a, b));
    }
    f32x4_extract_lane::<0>(sum)
        + f32x4_extract_lane::<1>(sum)
        + f32x4_extract_lane::<2>(sum)
        + f32x4_extract_lane::<3>(sum)
}

#[target_feature(enable = "simd128")]
fn dot_f64(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = f64x2_splat(0.0);
    for (a, b) in a.chunks_exact(2).zip(b.chunks_exact(2)) {
        // SAFETY: both chunks have the 16 bytes that are loaded, and the load needs no alignment.
        let (a, b) = unsafe { (v128_load(a.as_ptr().cast()), v128_load(b.as_ptr().cast())) };
        sum = f64x2_add(sum, f64x2_mul(a, b));
    }
    f64x2_extract_lane::<0>(sum) + f64x2_extract_lane::<1>(sum)
}

fn products() -> i64 {
    let mut numbers = bench_guests::Numbers::new();
    let (single, mut other_single) = (numbers.units_f32(20_000), numbers.units_f32(20_000));
    let (double, mut other_double) = (numbers.units(20_000), numbers.units(20_000));
    let mut sum = 0.0;
    for round in 0..2_000 {
        other_single[round] += 1.0;
        other_double[round] += 1.0;
        sum += f64::from(dot_f32(&single, &other_single)) + dot_f64(&double, &other_double);
    }
    bench_guests::checksum([sum])
}

bench_guests::guest!(products);
