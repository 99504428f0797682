//! An address of Ethereum: 20 bytes, in text with the checksum of EIP-55.

use std::fmt;
use std::str::FromStr;

use bacalhau_values::hex::{self, Hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::keccak::keccak256;

/// Length in bytes.
const BYTES: usize = 20;

/// An address of a contract or an account.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EthAddress([u8; BYTES]);

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EthAddressError {
    /// Another form.
    #[error("it is not 0x and 40 hexadecimal digits")]
    Form,
    /// Its capital letters differ from the checksum.
    #[error("its checksum is wrong: compare it with its source")]
    Checksum,
}

impl EthAddress {
    /// The address with these bytes.
    pub const fn new(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// As a word of the ABI: 12 zeros before it.
    pub(super) fn word(&self) -> [u8; 32] {
        let mut word = [0; 32];
        word[32 - BYTES..].copy_from_slice(&self.0);
        word
    }
}

impl fmt::Display for EthAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = Hex(&self.0).to_string();
        let hash = keccak256(&[digits.as_bytes()]);
        f.write_str("0x")?;
        for (index, digit) in digits.char_indices() {
            let half = if index % 2 == 0 { hash[index / 2] >> 4 } else { hash[index / 2] & 0xf };
            write!(f, "{}", if half >= 8 { digit.to_ascii_uppercase() } else { digit })?;
        }
        Ok(())
    }
}

impl fmt::Debug for EthAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EthAddress({self})")
    }
}

impl FromStr for EthAddress {
    type Err = EthAddressError;

    /// Parses `0x` and 40 digits. Digits in both cases have to be the checksum.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").ok_or(EthAddressError::Form)?;
        let bytes = hex::decode(digits).and_then(|bytes| bytes.try_into().ok()).ok_or(EthAddressError::Form)?;
        let address = Self(bytes);
        let has = |is: fn(&char) -> bool| digits.chars().any(|digit| is(&digit));
        if has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && address.to_string() != text {
            return Err(EthAddressError::Checksum);
        }
        Ok(address)
    }
}

impl Serialize for EthAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EthAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_eip_55() {
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0x8408502033C418E1bbC97cE9ac48E5528F371A9f",
        ] {
            assert_eq!(text.parse::<EthAddress>().unwrap().to_string(), text);
            assert_eq!(text.to_lowercase().parse::<EthAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_mistyped_address_is_rejected() {
        let wrong = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAEd".parse::<EthAddress>();
        assert_eq!(wrong, Err(EthAddressError::Checksum));
        for text in
            ["", "0x", "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1bea", "f01000"]
        {
            assert_eq!(text.parse::<EthAddress>(), Err(EthAddressError::Form), "{text}");
        }
    }
}
