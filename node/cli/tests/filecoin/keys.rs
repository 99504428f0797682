//! Wallets with keys of secp256k1, as a Lotus node holds them, and who checks what they sign.

use bacalhau_publisher::filecoin::{Address, BackendError, Wallet};
use blake2::digest::consts::{U4, U20, U32};
use blake2::{Blake2b, Digest as _};
use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};

use crate::curve::{Point, recover, sign};

const SECP256K1: u8 = 1;

/// A wallet.
#[derive(Debug)]
pub(crate) struct Key {
    secret: BigUint,
    pub(crate) address: Address,
}

impl Key {
    /// Always the same one for a name.
    pub(crate) fn of(name: &str) -> Self {
        let secret = BigUint::from_bytes_be(&Sha256::digest(name));
        let address = text_of(&address_of(&Point::of(&secret))).parse().unwrap();
        Self { secret, address }
    }

    /// As `WalletSign` of Lotus does it: over the hash of `message`.
    pub(crate) fn signature(&self, message: &[u8]) -> Vec<u8> {
        sign(&self.secret, &Blake2b::<U32>::digest(message))
    }
}

impl Wallet for Key {
    fn sign(&self, wallet: &Address, message: &[u8]) -> Result<Vec<u8>, BackendError> {
        assert_eq!(*wallet, self.address);
        Ok([&[SECP256K1][..], &self.signature(message)].concat())
    }
}

/// Whether whoever has `address`, in bytes, signed `message`: `sigs.Verify` of Lotus.
pub(crate) fn has_signed(address: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some((&SECP256K1, signature)) = signature.split_first() else { return false };
    let key = recover(&Blake2b::<U32>::digest(message), signature);
    key.is_some_and(|key| address_of(&key) == address)
}

fn address_of(key: &Point) -> Vec<u8> {
    [&[SECP256K1][..], &Blake2b::<U20>::digest(key.bytes())].concat()
}

/// An address in words, with its checksum.
fn text_of(address: &[u8]) -> String {
    let bytes = [&address[1..], &Blake2b::<U4>::digest(address)].concat();
    let mut text = format!("f{}", address[0]);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(buffer >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(buffer << (5 - bits) & 31) as usize]));
    }
    text
}

#[test]
fn keys_have_addresses_that_the_product_reads() {
    let key = Key::of("alice");
    let message = b"what is signed";
    let signature = key.sign(&key.address, message).unwrap();
    assert!(has_signed(key.address.bytes(), message, &signature));
    assert!(!has_signed(Key::of("bob").address.bytes(), message, &signature));
    assert!(!has_signed(key.address.bytes(), b"something else", &signature));
}
