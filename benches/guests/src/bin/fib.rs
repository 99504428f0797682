//! Fibonacci numbers by the definition: only calls.

fn fib(n: u32) -> u64 {
    if n < 2 { u64::from(n) } else { fib(n - 1) + fib(n - 2) }
}

fn recursion() -> i64 {
    fib(std::hint::black_box(34)) as i64
}

bench_guests::guest!(recursion);
