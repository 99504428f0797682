//! Sizes as people write them: `4096`, `12GB`, `12GiB`, `64m`. `kB`, `MB`, `GB` and `TB` are powers of 1000, `KiB`, `MiB`, `GiB`
//! and `TiB` powers of 1024. A letter alone is a power of 1024, as Docker and Bacalhau have it.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Letters of the units.
const LETTERS: [&str; 4] = ["k", "m", "g", "t"];

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(
    /// Number of bytes.
    pub u64,
);

/// A text that is not a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeError(String);

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        parse(text).map(Self).ok_or_else(|| SizeError(text.into()))
    }
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(f, "{text:?} is not a size: write a number of bytes or one with a unit, as in 4096, 64k, 512MiB or 12GB")
    }
}

impl Error for SizeError {}

fn parse(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let number = text[..end].replace('_', "");
    let factor = factor(text[end..].trim())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let bytes = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    if !number.contains('.') {
        return Some(bytes);
    }
    // Digits past the sixth change less than one part in a million.
    let digits = &fraction[..fraction.len().min(6)];
    let scale = 10_u64.pow(u32::try_from(digits.len()).ok()?);
    let part = u128::from(digits.parse::<u64>().ok()?) * u128::from(factor) / u128::from(scale);
    bytes.checked_add(u64::try_from(part).ok()?)
}

fn factor(unit: &str) -> Option<u64> {
    if matches!(unit, "" | "b") {
        return Some(1);
    }
    let (letter, base) = match unit.strip_suffix('b') {
        Some(rest) => rest.strip_suffix('i').map_or((rest, 1000_u64), |letter| (letter, 1024)),
        None => (unit.strip_suffix('i').unwrap_or(unit), 1024),
    };
    let power = LETTERS.iter().position(|known| *known == letter)? + 1;
    Some(base.pow(u32::try_from(power).ok()?))
}

/// In the largest unit of 1024 that divides it.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = LETTERS.iter().zip([10, 20, 30, 40]).rev();
        let mut fitting = units.filter(|(_, shift)| self.0 >> shift > 0 && (self.0 >> shift) << shift == self.0);
        match fitting.next() {
            Some((letter, shift)) => write!(f, "{}{}iB", self.0 >> shift, letter.to_ascii_uppercase()),
            None => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_people_write_them() {
        let table = [
            ("0", 0),
            ("4096", 4096),
            ("1_000", 1000),
            ("12b", 12),
            ("64m", 64 << 20),
            ("64M", 64 << 20),
            ("64mb", 64_000_000),
            ("12GB", 12_000_000_000),
            ("12GiB", 12 << 30),
            ("12gi", 12 << 30),
            ("1.5kB", 1500),
            ("512MiB", 512 << 20),
            ("512Mi", 512 << 20),
            ("512 MB", 512_000_000),
            ("1TB", 1_000_000_000_000),
            (" 1G ", 1 << 30),
            ("1.5g", 3 << 29),
            ("0.5k", 512),
            ("2TiB", 2 << 40),
        ];
        for (text, bytes) in table {
            assert_eq!(text.parse::<Size>(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "m", "-1", "1x", "1mm", "1.2.3m", "1.", "18446744073709551616", "99999999999t", "1e3", "ib", "1ibb"]
        {
            assert!(text.parse::<Size>().unwrap_err().to_string().contains("is not a size"), "{text}");
        }
    }

    #[test]
    fn a_shown_size_reads_back() {
        for bytes in [0, 1, 1000, 1024, 1536, 512 << 20, 16 << 30, u64::MAX] {
            assert_eq!(Size(bytes).to_string().parse::<Size>(), Ok(Size(bytes)));
        }
        assert_eq!(Size(512 << 20).to_string(), "512MiB");
    }
}
