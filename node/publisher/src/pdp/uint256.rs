//! An unsigned number of 256 bits, as contracts count.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number, big-endian.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uint256([u8; 32]);

/// Why a text is not such a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Uint256Error {
    /// Not decimal digits.
    #[error("it is not a decimal number")]
    Form,
    /// Too large.
    #[error("it has more than 256 bits")]
    Large,
}

impl Uint256 {
    /// As a word of the ABI.
    pub fn word(&self) -> [u8; 32] {
        self.0
    }

    /// The number `self * 10 + digit`; `None` if it is too large.
    fn append(&self, digit: u8) -> Option<Self> {
        let mut carry = u16::from(digit);
        let mut bytes = self.0;
        for byte in bytes.iter_mut().rev() {
            let sum = u16::from(*byte) * 10 + carry;
            [_, *byte] = sum.to_be_bytes();
            carry = sum >> 8;
        }
        (carry == 0).then_some(Self(bytes))
    }

    /// The number divided by 10, and the remainder.
    fn split(&self) -> (Self, u8) {
        let mut rest = 0_u16;
        let mut bytes = self.0;
        for byte in &mut bytes {
            let part = rest << 8 | u16::from(*byte);
            // A remainder below 10 makes a quotient below 256.
            [_, *byte] = (part / 10).to_be_bytes();
            rest = part % 10;
        }
        let [_, digit] = rest.to_be_bytes();
        (Self(bytes), digit)
    }
}

impl From<u128> for Uint256 {
    fn from(number: u128) -> Self {
        let mut bytes = [0; 32];
        bytes[16..].copy_from_slice(&number.to_be_bytes());
        Self(bytes)
    }
}

impl fmt::Display for Uint256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = Vec::new();
        let mut left = *self;
        loop {
            let digit;
            (left, digit) = left.split();
            digits.push(char::from(b'0' + digit));
            if left.0 == [0; 32] {
                break;
            }
        }
        f.write_str(&digits.iter().rev().collect::<String>())
    }
}

impl fmt::Debug for Uint256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uint256({self})")
    }
}

impl FromStr for Uint256 {
    type Err = Uint256Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(Uint256Error::Form);
        }
        let append = |number: Self, digit: u8| number.append(digit - b'0').ok_or(Uint256Error::Large);
        text.bytes().try_fold(Self([0; 32]), append)
    }
}

impl Serialize for Uint256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uint256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2^256 - 1.
    const LARGEST: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

    #[test]
    fn numbers_in_decimal() {
        for text in ["0", "9", "10", "256", "18446744073709551616", LARGEST] {
            assert_eq!(text.parse::<Uint256>().unwrap().to_string(), text);
        }
        assert_eq!(LARGEST.parse::<Uint256>().unwrap().word(), [0xff; 32]);
        assert_eq!(Uint256::from(u128::MAX).to_string(), u128::MAX.to_string());
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in ["", "-1", "0x10", "1 000", "1.5"] {
            assert_eq!(text.parse::<Uint256>(), Err(Uint256Error::Form), "{text}");
        }
        let larger = LARGEST.replace("639935", "639936");
        for text in [larger, "9".repeat(1000)] {
            assert_eq!(text.parse::<Uint256>(), Err(Uint256Error::Large));
        }
    }
}
