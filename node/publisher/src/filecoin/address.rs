//! Filecoin addresses, as text and bytes. Whether an actor exists is a query to the chain. Format:
//! <https://spec.filecoin.io/#section-appendix.address>.

use std::fmt;
use std::str::FromStr;

use blake2::digest::consts::U4;
use blake2::{Blake2b, Digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unsigned_varint::encode;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const CHECKSUM_BYTES: usize = 4;
/// Maximum payload of an address in bytes: that of a BLS public key.
const MAX_PAYLOAD_BYTES: usize = 54;

/// A Filecoin address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: String,
    bytes: Vec<u8>,
}

/// Kind of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// Actor id: `f0…`.
    Id,
    /// Hash of a secp256k1 key: `f1…`.
    Secp256k1,
    /// Hash of an actor's creation: `f2…`.
    Actor,
    /// BLS12-381 key: `f3…`.
    Bls,
    /// Address assigned by another actor, such as an Ethereum address: `f4…`.
    Delegated,
}

impl Address {
    /// The bytes: protocol and payload.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Kind of the address.
    pub fn kind(&self) -> AddressKind {
        match self.bytes.first() {
            Some(1) => AddressKind::Secp256k1,
            Some(2) => AddressKind::Actor,
            Some(3) => AddressKind::Bls,
            Some(4) => AddressKind::Delegated,
            _ => AddressKind::Id,
        }
    }

    /// Actor id, for addresses of that kind.
    pub fn id(&self) -> Option<u64> {
        if self.kind() == AddressKind::Id { self.text.get(2..)?.parse().ok() } else { None }
    }
}

/// Why a text is not a Filecoin address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an address of Filecoin: {why}")]
pub struct AddressError {
    text: String,
    why: &'static str,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let bytes = parse(text).map_err(|why| AddressError { text: text.into(), why })?;
        Ok(Self { text: text.into(), bytes })
    }
}

fn parse(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut chars = text.chars();
    if !matches!(chars.next(), Some('f' | 't')) {
        return Err("it does not begin with f, or t on a test network");
    }
    let protocol = chars.next().and_then(|digit| digit.to_digit(10)).filter(|protocol| *protocol <= 4);
    let protocol = protocol.ok_or("the first letter must be followed by a digit from 0 to 4")?;
    let rest = chars.as_str();
    let mut bytes = vec![u8::try_from(protocol).unwrap_or_default()];
    match protocol {
        0 => bytes.extend_from_slice(encode::u64(number(rest)?, &mut encode::u64_buffer())),
        4 => {
            let (namespace, rest) = rest.split_once('f').ok_or("an f must separate its two parts")?;
            bytes.extend_from_slice(encode::u64(number(namespace)?, &mut encode::u64_buffer()));
            check_and_push(&mut bytes, rest, None)?;
        }
        3 => check_and_push(&mut bytes, rest, Some(48))?,
        _ => check_and_push(&mut bytes, rest, Some(20))?,
    }
    Ok(bytes)
}

fn number(text: &str) -> Result<u64, &'static str> {
    let is_plain = text == "0" || !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).ok_or("its number is missing or invalid")
}

/// Decodes base32 `text` after `bytes`, and checks its checksum.
fn check_and_push(bytes: &mut Vec<u8>, text: &str, length: Option<usize>) -> Result<(), &'static str> {
    let decoded = base32(text)?;
    let at = decoded.len().checked_sub(CHECKSUM_BYTES).ok_or("it is too short")?;
    let (payload, checksum) = decoded.split_at(at);
    if length.is_some_and(|length| payload.len() != length) || payload.len() > MAX_PAYLOAD_BYTES {
        return Err("its length is invalid");
    }
    bytes.extend_from_slice(payload);
    if Blake2b::<U4>::digest(&*bytes)[..] != *checksum {
        return Err("its checksum is wrong: is there a typing error?");
    }
    Ok(())
}

/// RFC 4648 in lower case, without padding.
fn base32(text: &str) -> Result<Vec<u8>, &'static str> {
    let (mut bytes, mut buffer, mut bits) = (Vec::with_capacity(text.len() * 5 / 8), 0_u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter).and_then(|value| u32::try_from(value).ok());
        buffer = buffer << 5 | value.ok_or("it has a character other than a to z and 2 to 7")?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).unwrap_or_default());
            buffer &= (1 << bits) - 1;
        }
    }
    if buffer != 0 || bits >= 5 {
        return Err("its last character is invalid");
    }
    Ok(bytes)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.text)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_specification() {
        // From the test vectors of go-address.
        let secp: Address = "f15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq".parse().unwrap();
        assert_eq!(secp.kind(), AddressKind::Secp256k1);
        assert_eq!(secp.bytes()[..3], [1, 234, 15]);
        assert_eq!(secp.bytes().len(), 21);
        let bls = "f3vvmn62lofvhjd2ugzca6sof2j2ubwok6cj4xxbfzz4yuxfkgobpihhd2thlanmsh3w2ptld2gqkn2jvlss4a";
        assert_eq!(bls.parse::<Address>().unwrap().bytes().len(), 49);
        assert_eq!("f01024".parse::<Address>().unwrap().bytes(), [0, 0x80, 8]);
        assert_eq!("f01024".parse::<Address>().unwrap().id(), Some(1024));
        assert_eq!("f0".parse::<Address>().ok(), None);
        assert_eq!("f00".parse::<Address>().unwrap().id(), Some(0));
        let delegated: Address = "f410f2oekwcmo2pueydmaq53eic2i62crtbeyuzx2gmy".parse().unwrap();
        assert_eq!(delegated.bytes()[..4], [4, 10, 0xd3, 0x88]);
        assert_eq!(delegated.bytes().len(), 22);
    }

    #[test]
    fn what_is_no_address() {
        for (text, why) in [
            ("", "does not begin with f"),
            ("15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq", "does not begin with f"),
            ("f9123", "a digit from 0 to 4"),
            ("f0x", "its number is missing"),
            ("f001", "its number is missing"),
            ("f018446744073709551616", "its number is missing"),
            ("f15ihr5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq", "checksum"),
            ("f15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdr", "last character"),
            ("f1aaaaaaaaaa", "its length is invalid"),
            ("f1AAAA", "it has a character"),
            ("f1aa", "too short"),
            ("f410", "an f must separate"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
