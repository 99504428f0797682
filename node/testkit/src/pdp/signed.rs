//! Decodes `extraData` and finds out who signed, apart from the code under test.

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha3::{Digest, Keccak256};

/// The domain of signatures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contract {
    pub(super) chain_id: u64,
    pub(super) address: [u8; 20],
}

/// What `extraData` says.
pub(super) struct ExtraData {
    pub(super) nonce: [u8; 32],
    signature: Vec<u8>,
}

fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

fn text(text: &str) -> [u8; 32] {
    keccak(text.as_bytes())
}

/// The word at `at`, as a number that is an offset or a length.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at.checked_add(32)?)?;
    let (zeros, low) = word.split_at(24);
    (zeros == [0; 24]).then(|| usize::try_from(u64::from_be_bytes(low.try_into().unwrap())).ok())?
}

/// Lengths of the lists in the list of lists at `at`.
fn lists(bytes: &[u8], at: usize) -> Option<Vec<usize>> {
    let inner = at + 32;
    (0..number(bytes, at)?).map(|index| number(bytes, inner + number(bytes, inner + index * 32)?)).collect()
}

/// Decodes `(uint256, string[][], string[][], bytes)` for `pieces` pieces without metadata.
pub(super) fn decode(bytes: &[u8], pieces: usize) -> Option<ExtraData> {
    let nonce = bytes.get(..32)?.try_into().ok()?;
    for head in [32, 64] {
        if lists(bytes, number(bytes, head)?)? != vec![0; pieces] {
            return None;
        }
    }
    let at = number(bytes, 96)?;
    let length = number(bytes, at)?;
    let signature = bytes.get(at + 32..at + 32 + length)?.to_vec();
    // Words are whole.
    (bytes.len() == (at + 32 + length).next_multiple_of(32)).then_some(ExtraData { nonce, signature })
}

impl ExtraData {
    /// The address whose key signed the addition of `piece` to the data set that its payer calls `client_data_set`.
    pub(super) fn signer(&self, contract: &Contract, client_data_set: u64, piece: &[u8]) -> Option<[u8; 20]> {
        let cid = [text("Cid(bytes data)"), keccak(piece)].concat();
        let metadata = [
            text("PieceMetadata(uint256 pieceIndex,MetadataEntry[] metadata)MetadataEntry(string key,string value)"),
            [0; 32],
            keccak(b""),
        ];
        let structure = [
            text(
                "AddPieces(uint256 clientDataSetId,uint256 nonce,Cid[] pieceData,PieceMetadata[] pieceMetadata)Cid(bytes \
                 data)MetadataEntry(string key,string value)PieceMetadata(uint256 pieceIndex,MetadataEntry[] metadata)",
            ),
            word(client_data_set),
            self.nonce,
            keccak(&keccak(&cid)),
            keccak(&keccak(&metadata.concat())),
        ];
        recover(contract, &structure.concat(), &self.signature)
    }
}

/// The address whose key signed the header `X-PDP-Upload-Auth` with this value for `data_set` at `now`, in Unix seconds.
pub(super) fn upload_signer(contract: &Contract, header: &str, data_set: u64, now: u64) -> Option<[u8; 20]> {
    let mut parts = header.splitn(4, '.');
    let [set, nonce, expiry, signature] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let (nonce, expiry): (u128, u64) = (nonce.parse().ok()?, expiry.parse().ok()?);
    if set.parse() != Ok(data_set) || expiry < now {
        return None;
    }
    let mut wide = [0; 32];
    wide[16..].copy_from_slice(&nonce.to_be_bytes());
    let structure =
        [text("PieceUploadAuth(uint256 dataSetId,uint256 nonce,uint256 expiry)"), word(data_set), wide, word(expiry)];
    recover(contract, &structure.concat(), &super::requests::hex(signature.strip_prefix("0x")?)?)
}

fn word(value: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

fn recover(contract: &Contract, structure: &[u8], signature: &[u8]) -> Option<[u8; 20]> {
    let mut address = [0; 32];
    address[12..].copy_from_slice(&contract.address);
    let domain = [
        text("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        text("FilecoinWarmStorageService"),
        text("1"),
        word(contract.chain_id),
        address,
    ];
    let digest = keccak(&[&b"\x19\x01"[..], &keccak(&domain.concat()), &keccak(structure)].concat());
    let [rs @ .., v] = signature else { return None };
    let recovery = RecoveryId::from_byte(v.checked_sub(27)?)?;
    let key = VerifyingKey::recover_from_prehash(&digest, &Signature::from_slice(rs).ok()?, recovery).ok()?;
    keccak(&key.to_encoded_point(false).as_bytes()[1..])[12..].try_into().ok()
}
