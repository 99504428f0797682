//! Signatures of the wallet, which Lotus makes.

use bacalhau_publisher::filecoin::{Address, BackendError, Wallet as _};
use sha2::{Digest, Sha256};

use crate::support::client;
use bacalhau_testkit::{
    lotus::chain::{BLS_WALLET, WALLET},
    lotus::fake::{FakeLotus, READ_TOKEN, SIGN_TOKEN},
};

#[test]
fn keys_of_both_kinds_sign() {
    let fake = FakeLotus::start();
    let lotus = client(&fake, Some(SIGN_TOKEN));
    for (wallet, kind, length) in [(WALLET, 1, 65), (BLS_WALLET, 2, 96)] {
        let signature = lotus.sign(&wallet.parse().unwrap(), b"a message").unwrap();
        assert_eq!((signature[0], signature.len() - 1), (kind, length), "{wallet}");
        assert_eq!(signature[1..33], Sha256::digest(b"a message")[..], "of the bytes that were given");
    }
}

#[test]
fn a_key_that_lotus_has_not_got_and_a_token_that_may_not_are_said() {
    let fake = FakeLotus::start();
    let wallet: Address = "f12fiakbhe2gwd5cnmrenekasyn6v5tnaxaqizq6a".parse().unwrap();
    let said = client(&fake, Some(SIGN_TOKEN)).sign(&wallet, b"x").unwrap_err();
    assert!(matches!(&said, BackendError::Later { why, .. } if why.contains("key info not found")), "{said}");
    for token in [Some(READ_TOKEN), None] {
        let said = client(&fake, token).sign(&WALLET.parse().unwrap(), b"x").unwrap_err().to_string();
        assert!(said.contains("missing permission to invoke 'WalletSign' (need 'sign')"), "{said}");
        assert!(said.contains("Set filecoin.lotus_token"), "{said}");
    }
}
