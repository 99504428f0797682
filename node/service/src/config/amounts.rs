//! Filecoin amounts: epochs and FIL.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Seconds of an epoch.
const EPOCH_SECONDS: u64 = 30;
/// Epochs in a day.
const DAY: u64 = 86_400 / EPOCH_SECONDS;
/// Decimal places of a FIL amount.
const DIGITS: usize = 9;
const NANO: u64 = 1_000_000_000;

/// A number of epochs of 30 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epochs(
    /// Number of epochs.
    pub u64,
);

impl FromStr for Epochs {
    type Err = String;

    /// Parses `518400`, or a duration of whole epochs such as `180d`.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(epochs) = text.parse() {
            return Ok(Self(epochs));
        }
        let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
        let seconds = duration.as_secs();
        if duration != Duration::from_secs(seconds) || !seconds.is_multiple_of(EPOCH_SECONDS) {
            return Err("it is not a whole number of epochs of 30 s".into());
        }
        Ok(Self(seconds / EPOCH_SECONDS))
    }
}

impl fmt::Display for Epochs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(DAY) { write!(f, "{}d", self.0 / DAY) } else { write!(f, "{}", self.0) }
    }
}

/// An amount of FIL, with nanoFIL precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fil {
    /// The amount in nanoFIL.
    pub nano: u64,
}

impl FromStr for Fil {
    type Err = &'static str;

    /// Parses `0.07` or `0.07 FIL`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_suffix("FIL").unwrap_or(text).trim();
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return Err("it is not a number");
        }
        if fraction.len() > DIGITS {
            return Err("it has more than nine decimal places");
        }
        let whole: u64 = whole.parse().map_err(|_| "it exceeds the supply of FIL")?;
        let fraction: u64 = format!("{fraction:0<DIGITS$}").parse().map_err(|_| "it is not a number")?;
        let nano = whole.checked_mul(NANO).and_then(|nano| nano.checked_add(fraction));
        nano.map(|nano| Self { nano }).ok_or("it exceeds the supply of FIL")
    }
}

impl fmt::Display for Fil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:0DIGITS$}", self.nano / NANO, self.nano % NANO);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_as_people_write_them() {
        for (text, epochs, shown) in
            [("518400", 518_400, "180d"), ("180d", 518_400, "180d"), ("540days", 1_555_200, "540d"), ("1h", 120, "120")]
        {
            let read: Epochs = text.parse().unwrap();
            assert_eq!((read.0, read.to_string().as_str()), (epochs, shown));
            assert_eq!(shown.parse(), Ok(read));
        }
        for text in ["45s", "30500ms"] {
            assert!(text.parse::<Epochs>().unwrap_err().contains("epochs of 30 s"), "{text}");
        }
        for (text, why) in [("", "empty"), ("-1", "expected number"), ("half a year", "expected number")] {
            let error = text.parse::<Epochs>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn fil_as_people_write_it() {
        for (text, nano, shown) in [
            ("0.07", 70_000_000, "0.07"),
            ("1", NANO, "1"),
            ("0.000000001 FIL", 1, "0.000000001"),
            ("10FIL", 10 * NANO, "10"),
            ("0", 0, "0"),
        ] {
            let read: Fil = text.parse().unwrap();
            assert_eq!((read.nano, read.to_string().as_str()), (nano, shown));
        }
        for text in ["", ".5", "1.", "-1", "1e3", "FIL"] {
            assert_eq!(text.parse::<Fil>(), Err("it is not a number"), "{text}");
        }
        assert!("0.0000000001".parse::<Fil>().unwrap_err().contains("more than nine decimal places"));
        assert!("99999999999".parse::<Fil>().unwrap_err().contains("exceeds the supply of FIL"));
    }
}
