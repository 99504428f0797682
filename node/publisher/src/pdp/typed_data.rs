//! Digests of the typed data (EIP-712) that the payer of a data set signs, as the contract `FilecoinWarmStorageService`
//! defines it.

use super::keccak::keccak256;
use super::{EthAddress, Uint256};

const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const NAME: &str = "FilecoinWarmStorageService";
const VERSION: &str = "1";
const CID_TYPE: &str = "Cid(bytes data)";
const ENTRY_TYPE: &str = "MetadataEntry(string key,string value)";
const METADATA_TYPE: &str = "PieceMetadata(uint256 pieceIndex,MetadataEntry[] metadata)";
/// Without the types that it refers to, which follow in alphabetical order.
const ADD_PIECES_TYPE: &str =
    "AddPieces(uint256 clientDataSetId,uint256 nonce,Cid[] pieceData,PieceMetadata[] pieceMetadata)";
const UPLOAD_TYPE: &str = "PieceUploadAuth(uint256 dataSetId,uint256 nonce,uint256 expiry)";

/// The contract for which a signature is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Chain id of Ethereum: 314 for mainnet.
    pub chain_id: u64,
    /// Address of the contract.
    pub contract: EthAddress,
}

impl Domain {
    /// The digest of `AddPieces`, for one piece without metadata: its CID of version 2 is `piece`.
    pub fn add_piece(&self, client_data_set: &Uint256, nonce: &Uint256, piece: &[u8]) -> [u8; 32] {
        let cid_hash = keccak256(&[&type_hash(&[CID_TYPE]), &keccak256(&[piece])]);
        let no_entries = keccak256(&[]);
        let metadata_hash = keccak256(&[&type_hash(&[METADATA_TYPE, ENTRY_TYPE]), &[0; 32], &no_entries]);
        self.digest(&[
            &type_hash(&[ADD_PIECES_TYPE, CID_TYPE, ENTRY_TYPE, METADATA_TYPE]),
            &client_data_set.word(),
            &nonce.word(),
            // An array is hashed like its elements one after the other.
            &keccak256(&[&cid_hash]),
            &keccak256(&[&metadata_hash]),
        ])
    }

    /// The digest of `PieceUploadAuth`. `expiry` is in Unix seconds.
    pub fn upload(&self, data_set: u64, nonce: &Uint256, expiry: u64) -> [u8; 32] {
        let [data_set, expiry] = [data_set, expiry].map(|number| Uint256::from(u128::from(number)).word());
        self.digest(&[&type_hash(&[UPLOAD_TYPE]), &data_set, &nonce.word(), &expiry])
    }

    fn digest(&self, words: &[&[u8]]) -> [u8; 32] {
        let separator = keccak256(&[
            &type_hash(&[DOMAIN_TYPE]),
            &keccak256(&[NAME.as_bytes()]),
            &keccak256(&[VERSION.as_bytes()]),
            &Uint256::from(u128::from(self.chain_id)).word(),
            &self.contract.word(),
        ]);
        keccak256(&[b"\x19\x01", &separator, &keccak256(words)])
    }
}

fn type_hash(types: &[&str]) -> [u8; 32] {
    keccak256(&types.iter().map(|text| text.as_bytes()).collect::<Vec<_>>())
}
