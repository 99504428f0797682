//! The header that authenticates a client to a market: `CurioAuth TYPE:ADDRESS:SIGNATURE`, valid for one minute.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::super::{Address, AddressKind, BackendError, Wallet};

/// The value of `Authorization` for a request of `method` for `path` as `wallet` at `now_ms`, in Unix milliseconds.
pub(super) fn header(
    signer: &dyn Wallet,
    wallet: &Address,
    method: &str,
    path: &str,
    now_ms: u64,
) -> Result<String, BackendError> {
    let kind = match wallet.kind() {
        AddressKind::Secp256k1 => "secp256k1",
        AddressKind::Bls => "bls",
        AddressKind::Delegated => "delegated",
        AddressKind::Id | AddressKind::Actor => {
            let todo = "set filecoin.wallet to the address of a key: f1…, f3… or f4…";
            return Err(BackendError::never(format!("{wallet} is not the address of a key"), todo));
        }
    };
    let signature = signer.sign(wallet, &message(wallet, method, path, now_ms))?;
    let [address, signature] = [wallet.bytes(), &signature].map(|bytes| BASE64_STANDARD.encode(bytes));
    Ok(format!("CurioAuth {kind}:{address}:{signature}"))
}

/// The signed hash of wallet, method, path and minute.
fn message(wallet: &Address, method: &str, path: &str, now_ms: u64) -> [u8; 32] {
    let minute = UNIX_EPOCH + Duration::from_secs(now_ms / 60_000 * 60);
    let hash = Sha256::new_with_prefix(wallet.bytes());
    let hash = hash.chain_update(method).chain_update(path);
    hash.chain_update(humantime::format_rfc3339_seconds(minute).to_string()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_values::hex::Hex;

    #[derive(Debug)]
    struct Echo;

    impl Wallet for Echo {
        fn sign(&self, _: &Address, message: &[u8]) -> Result<Vec<u8>, BackendError> {
            Ok([&[1], message].concat())
        }
    }

    #[test]
    fn the_header_names_who_signs_what_and_when() {
        let wallet: Address = "f15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq".parse().unwrap();
        // 2025-07-15T17:00:42Z, in the minute of the schema's example.
        let header = header(&Echo, &wallet, "POST", "/market/mk20/deal", 1_752_598_842_000).unwrap();
        let (kind, rest) = header.strip_prefix("CurioAuth ").unwrap().split_once(':').unwrap();
        let (address, signature) = rest.split_once(':').unwrap();
        assert_eq!((kind, BASE64_STANDARD.decode(address).unwrap()), ("secp256k1", wallet.bytes().to_vec()));
        let text = [wallet.bytes(), b"POST/market/mk20/deal2025-07-15T17:00:00Z"].concat();
        let signature = BASE64_STANDARD.decode(signature).unwrap();
        assert_eq!(Hex(&signature[1..]).to_string(), Hex(&Sha256::digest(text)).to_string());
    }

    #[test]
    fn who_has_no_key_cannot_sign() {
        let error = header(&Echo, &"f01000".parse().unwrap(), "GET", "/", 0).unwrap_err();
        assert!(matches!(&error, BackendError::Never { todo, .. } if todo.contains("filecoin.wallet")), "{error}");
    }
}
