//! secp256k1, as far as a wallet and whoever checks its signatures need it. For tests: it is slow, and takes no care of
//! what its time gives away.

use std::sync::LazyLock;

use num_bigint::BigUint;
use sha2::{Digest, Sha256};

/// Bytes of a number.
const BYTES: usize = 32;

fn number(hex: &[u8]) -> BigUint {
    BigUint::parse_bytes(hex, 16).unwrap()
}

/// The field.
static P: LazyLock<BigUint> =
    LazyLock::new(|| number(b"fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"));
/// The order of the group.
static N: LazyLock<BigUint> =
    LazyLock::new(|| number(b"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"));
/// Its generator.
static G: LazyLock<Point> = LazyLock::new(|| Point {
    x: number(b"79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
    y: number(b"483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
});

/// A point that is not the neutral one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    x: BigUint,
    y: BigUint,
}

/// The same with a common denominator; the neutral one has none.
#[derive(Clone)]
struct Projective {
    x: BigUint,
    y: BigUint,
    z: BigUint,
}

fn minus(a: &BigUint, b: &BigUint) -> BigUint {
    (a + &*P - b % &*P) % &*P
}

impl Projective {
    fn neutral() -> Self {
        Self { x: 1_u8.into(), y: 1_u8.into(), z: 0_u8.into() }
    }

    fn is_neutral(&self) -> bool {
        self.z == BigUint::ZERO
    }

    fn of(point: &Point) -> Self {
        Self { x: point.x.clone(), y: point.y.clone(), z: 1_u8.into() }
    }

    fn double(&self) -> Self {
        let Self { x, y, z } = self;
        let square = y * y % &*P;
        let s = x * &square * 4_u8 % &*P;
        let m = x * x * 3_u8 % &*P;
        let new_x = minus(&(&m * &m % &*P), &(&s * 2_u8));
        let new_y = minus(&(&m * minus(&s, &new_x) % &*P), &(&square * &square * 8_u8));
        Self { z: y * z * 2_u8 % &*P, x: new_x, y: new_y }
    }

    fn plus(&self, other: &Self) -> Self {
        if self.is_neutral() || other.is_neutral() {
            return if self.is_neutral() { other.clone() } else { self.clone() };
        }
        let (z1, z2) = (&self.z * &self.z % &*P, &other.z * &other.z % &*P);
        let (u1, u2) = (&self.x * &z2 % &*P, &other.x * &z1 % &*P);
        let (s1, s2) = (&self.y * &z2 * &other.z % &*P, &other.y * &z1 * &self.z % &*P);
        if u1 == u2 {
            return if s1 == s2 { self.double() } else { Self::neutral() };
        }
        let (run, rise) = (minus(&u2, &u1), minus(&s2, &s1));
        let square = &run * &run % &*P;
        let (cube, scaled) = (&square * &run % &*P, &u1 * &square % &*P);
        let x = minus(&(&rise * &rise % &*P), &(&cube + &scaled * 2_u8));
        let y = minus(&(&rise * minus(&scaled, &x) % &*P), &(&s1 * &cube));
        Self { z: &run * &self.z % &*P * &other.z % &*P, x, y }
    }

    fn affine(&self) -> Option<Point> {
        if self.is_neutral() {
            return None;
        }
        let inverse = self.z.modpow(&(&*P - 2_u8), &P);
        let square = &inverse * &inverse % &*P;
        Some(Point { x: &self.x * &square % &*P, y: &self.y * &square % &*P * &inverse % &*P })
    }
}

fn times(point: &Point, factor: &BigUint) -> Projective {
    let mut sum = Projective::neutral();
    for bit in (0..factor.bits()).rev() {
        sum = sum.double();
        if factor.bit(bit) {
            sum = sum.plus(&Projective::of(point));
        }
    }
    sum
}

fn padded(number: &BigUint) -> [u8; BYTES] {
    let bytes = number.to_bytes_be();
    let mut padded = [0; BYTES];
    padded[BYTES - bytes.len()..].copy_from_slice(&bytes);
    padded
}

fn inverse(number: &BigUint) -> BigUint {
    number.modpow(&(&*N - 2_u8), &N)
}

impl Point {
    /// The public key of `secret`.
    pub(crate) fn of(secret: &BigUint) -> Self {
        times(&G, secret).affine().unwrap()
    }

    /// Uncompressed: 65 bytes, the first of which says so.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [&[4][..], &padded(&self.x), &padded(&self.y)].concat()
    }

    fn is_on_curve(&self) -> bool {
        &self.y * &self.y % &*P == (self.x.modpow(&3_u8.into(), &P) + 7_u8) % &*P
    }
}

/// Signs a hash of 32 bytes: R, S, and a byte by which the key is found.
pub(crate) fn sign(secret: &BigUint, hash: &[u8]) -> Vec<u8> {
    let z = BigUint::from_bytes_be(hash);
    let nonce = Sha256::new_with_prefix(padded(secret)).chain_update(hash).finalize();
    let k = BigUint::from_bytes_be(&nonce) % &*N;
    let point = Point::of(&k);
    let r = &point.x % &*N;
    let mut s = inverse(&k) * (z + &r * secret) % &*N;
    let mut recovery = u8::from(point.y.bit(0));
    if s > &*N / 2_u8 {
        s = &*N - s;
        recovery ^= 1;
    }
    [&padded(&r)[..], &padded(&s), &[recovery]].concat()
}

/// The key by which `hash` was signed, if it is a signature at all.
pub(crate) fn recover(hash: &[u8], signature: &[u8]) -> Option<Point> {
    if signature.len() != 2 * BYTES + 1 || signature[2 * BYTES] > 1 {
        return None;
    }
    let [r, s, z] = [&signature[..BYTES], &signature[BYTES..2 * BYTES], hash].map(BigUint::from_bytes_be);
    if r == BigUint::ZERO || s == BigUint::ZERO || r >= *N || s > &*N / 2_u8 {
        return None;
    }
    let square = (r.modpow(&3_u8.into(), &P) + 7_u8) % &*P;
    let root = square.modpow(&((&*P + 1_u8) / 4_u8), &P);
    let y = if root.bit(0) == (signature[2 * BYTES] == 1) { root } else { &*P - root };
    let point = Point { x: r.clone(), y };
    if !point.is_on_curve() {
        return None;
    }
    let inverse = inverse(&r);
    let (by_g, by_point) = ((&*N - z % &*N) * &inverse % &*N, s * &inverse % &*N);
    times(&G, &by_g).plus(&times(&point, &by_point)).affine()
}

#[test]
fn what_was_signed_is_found_to_be_signed_by_its_key() {
    assert!(G.is_on_curve());
    assert_eq!(times(&G, &N).affine(), None);
    let secret = number(b"1e99423a4ed27608a15a2616a2b0e9e52ced330ac530edcc32c8ffc6a526aedd");
    let key = Point::of(&secret);
    // A well-known pair of keys.
    assert_eq!(padded(&key.x)[..4], [0xf0, 0x28, 0x89, 0x2b]);
    let hash = [7; 32];
    let mut signature = sign(&secret, &hash);
    assert_eq!(recover(&hash, &signature), Some(key.clone()));
    assert_ne!(recover(&[8; 32], &signature), Some(key.clone()));
    signature[40] ^= 1;
    assert_ne!(recover(&hash, &signature), Some(key));
}
