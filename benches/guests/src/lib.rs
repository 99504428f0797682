//! Shared parts of the guests: the export that the benchmark calls, input numbers, and a checksum of floats. The
//! programs themselves are in `bin`, one a file, written as in a textbook and not tuned for a compiler.

/// Exports a function `fn() -> i64` as `run`, and prints its result when the guest is run as a program.
#[macro_export]
macro_rules! guest {
    ($work:path) => {
        /// One run of the work: the same checksum on every engine.
        #[unsafe(no_mangle)]
        pub extern "C" fn run() -> i64 {
            $work()
        }

        fn main() {
            println!("{}", run());
        }
    };
}

/// Marsaglia's xorshift: the same numbers in every run, and unpredictable for a compiler.
#[derive(Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// A new generator with the fixed seed.
    pub fn new() -> Self {
        Self(std::hint::black_box(0x9E37_79B9_7F4A_7C15))
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// From 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Many from 0 to below 1.
    pub fn units(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.unit()).collect()
    }

    /// Many from 0 to below 1, in single precision.
    pub fn units_f32(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.unit() as f32).collect()
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self::new()
    }
}

/// All bits of all values, in their order.
pub fn checksum(values: impl IntoIterator<Item = f64>) -> i64 {
    values.into_iter().fold(0, |sum: u64, value| sum.rotate_left(5) ^ value.to_bits()) as i64
}
