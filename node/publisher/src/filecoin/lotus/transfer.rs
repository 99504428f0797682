//! Spending of `DataCap`: a token transfer to the verified registry with an allocation request, as DAG-CBOR tuples
//! (`TransferParams` of FRC-46, `AllocationRequests` of the built-in actor `verifreg`).

use serde::{Serialize, Serializer};

use bacalhau_cas::Cid;

/// The token actor.
pub(super) const DATACAP_ACTOR: &str = "f07";
/// Number of its method `Transfer`, a hash of the name (FRC-42).
pub(super) const TRANSFER: u64 = 80_475_954;

/// Address bytes of the registry, `f06`.
const REGISTRY: [u8; 2] = [0, 6];
/// Token units for a byte of `DataCap`.
const UNITS_PER_BYTE: u128 = 1_000_000_000_000_000_000;

/// An allocation request: a provider may claim a piece of this padded size until `expiration`, and keeps it for a term
/// between the two bounds. All times are epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) provider: u64,
    pub(super) data: Cid,
    pub(super) size: u64,
    pub(super) term_min: i64,
    pub(super) term_max: i64,
    pub(super) expiration: i64,
}

impl Request {
    /// Parameters of the message.
    pub(super) fn params(&self) -> Vec<u8> {
        let Self { provider, data, size, term_min, term_max, expiration } = *self;
        let allocation = (provider, data, size, term_min, term_max, expiration);
        let extensions: [(); 0] = [];
        let operator_data = encode(&([allocation], extensions));
        let amount = amount(u128::from(size) * UNITS_PER_BYTE);
        encode(&(Bytes(&REGISTRY), Bytes(&amount), Bytes(&operator_data)))
    }
}

/// A token amount as on the chain: a zero sign byte and the big-endian number.
fn amount(number: u128) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    if zeros == bytes.len() { Vec::new() } else { [&[0], &bytes[zeros..]].concat() }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "numbers, bytes and CIDs are always DAG-CBOR")]
    serde_ipld_dagcbor::to_vec(value).expect("tuples are encoded")
}

/// Serialized as a byte string instead of a list.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_values::hex::Hex;

    #[test]
    fn the_parameters_byte_by_byte() {
        let data: Cid = "baga6ea4seaqlinvgwikizdfm6yzbe7a5sufdkicvi5mbf4wqn4j2tjyjlgi4idy".parse().unwrap();
        let request = Request {
            provider: 1000,
            data,
            size: 1 << 20,
            term_min: 518_400,
            term_max: 777_600,
            expiration: 5_000_000,
        };
        let expected = [
            "83",
            "420006",
            "4b00de0b6b3a764000000000",
            // In a string of bytes: one request of six parts, and no extensions.
            "58478281861903e8",
            "d82a5828000181e203922020b436a6b2148c8cacf632127c1d950a352055475812f2d06f13a9a7095991c40f",
            "1a001000001a0007e9001a000bdd801a004c4b40",
            "80",
        ];
        assert_eq!(Hex(&request.params()).to_string(), expected.concat());
    }

    #[test]
    fn amounts_of_the_token() {
        assert_eq!(amount(0), Vec::<u8>::new());
        assert_eq!(amount(1), [0, 1]);
        assert_eq!(amount(0x80), [0, 0x80]);
        assert_eq!(amount(0x0100), [0, 1, 0]);
    }
}
