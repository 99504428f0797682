//! The dot product of two vectors of doubles, and the length of both.

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn products() -> i64 {
    let mut numbers = bench_guests::Numbers::new();
    let (a, mut b) = (numbers.units(20_000), numbers.units(20_000));
    let mut sum = 0.0;
    for round in 0..500 {
        b[round] += 1.0;
        sum += dot(&a, &b) / (dot(&a, &a).sqrt() * dot(&b, &b).sqrt());
    }
    bench_guests::checksum([sum])
}

bench_guests::guest!(products);
