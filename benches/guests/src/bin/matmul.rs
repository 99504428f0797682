//! The product of two matrices of doubles, loops in the order i, j, k: one sum in the innermost.

const N: usize = 300;

fn multiply(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut c = vec![0.0; N * N];
    for i in 0..N {
        for j in 0..N {
            let mut sum = 0.0;
            for k in 0..N {
                sum += a[i * N + k] * b[k * N + j];
            }
            c[i * N + j] = sum;
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
