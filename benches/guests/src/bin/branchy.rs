//! Integers and branches that depend on them: Collatz sequences, a sieve, binary search, greatest common divisors.

use bench_guests::Numbers;

fn collatz(limit: u64) -> u64 {
    let mut longest = (0, 0);
    for start in 1..limit {
        let (mut n, mut steps) = (start, 0);
        while n != 1 {
            n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
            steps += 1;
        }
        longest = longest.max((steps, start));
    }
    longest.0 * longest.1
}

fn primes(limit: usize) -> Vec<u32> {
    let mut composite = vec![false; limit];
    let mut primes = Vec::new();
    for n in 2..limit {
        if !composite[n] {
            primes.push(n as u32);
            for multiple in (n * n..limit).step_by(n) {
                composite[multiple] = true;
            }
        }
    }
    primes
}

fn search(sorted: &[u32], value: u32) -> Option<usize> {
    let (mut low, mut high) = (0, sorted.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if sorted[middle] == value {
            return Some(middle);
        }
        if sorted[middle] < value {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    None
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn mix() -> i64 {
    const LIMIT: usize = 500_000;
    let mut numbers = Numbers::new();
    let primes = primes(std::hint::black_box(LIMIT));
    let mut sum = collatz(std::hint::black_box(60_000));
    for _ in 0..200_000 {
        let value = numbers.below(LIMIT) as u32;
        sum = match search(&primes, value) {
            Some(place) => sum.wrapping_mul(31).wrapping_add(place as u64),
            None => sum ^ u64::from(gcd(value, 720_720)),
        };
    }
    sum as i64
}

bench_guests::guest!(mix);
