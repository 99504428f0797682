//! The product of two matrices of doubles, loops in the order i, k, j: kinder to caches, but the innermost stores.

const N: usize = 320;

fn multiply(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut c = vec![0.0; N * N];
    for i in 0..N {
        for k in 0..N {
            let factor = a[i * N + k];
            for j in 0..N {
                c[i * N + j] += factor * b[k * N + j];
            }
        }
    }
    c
}

fn product() -> i64 {
    let mut numbers = bench_guests::Numbers::new();
    let (a, b) = (numbers.units(N * N), numbers.units(N * N));
    bench_guests::checksum(multiply(&a, &b))
}

bench_guests::guest!(product);
