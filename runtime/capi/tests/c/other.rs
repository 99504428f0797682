//! The other static library of `two.c`.

/// Unwinds and catches it, allocates, and returns the sum of the digits.
#[unsafe(no_mangle)]
pub extern "C" fn other_sum(number: u64) -> u64 {
    let caught = std::panic::catch_unwind(|| {
        std::panic::resume_unwind(Box::new(number.to_string()));
    });
    match caught {
        Ok(()) => 0,
        Err(payload) => payload.downcast::<String>().map_or(0, |digits| digits.bytes().map(|b| u64::from(b - b'0')).sum()),
    }
}
