//! The fake of the contract: a data set of one payer, who signs for pieces with nonces that count once.

use std::collections::BTreeSet;

/// The data set, and transactions for it.
#[derive(Debug, Default)]
pub struct Chain {
    /// Pieces by CIDs of version 2; their numbers are their indexes.
    pub pieces: Vec<String>,
    /// Transactions that were sent, also those that failed.
    pub transactions: Vec<Transaction>,
    /// Transactions stay pending.
    pub is_stuck: bool,
    nonces: BTreeSet<[u8; 32]>,
}

/// A transaction that adds a piece.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Its hash: `0x` and 64 digits.
    pub hash: String,
    piece: String,
    nonce: [u8; 32],
    /// The number of the piece, or that the contract reverted; `None` while it is pending.
    pub done: Option<Result<u64, ()>>,
}

impl Chain {
    /// Sends a transaction, unless the present state shows that it would fail.
    pub(super) fn send(&mut self, piece: &str, nonce: [u8; 32]) -> Result<String, String> {
        if self.nonces.contains(&nonce) {
            return Err("execution reverted: nonce already used".into());
        }
        let hash = format!("0x{:064x}", 0xabc0 + self.transactions.len());
        self.transactions.push(Transaction { hash: hash.clone(), piece: piece.into(), nonce, done: None });
        Ok(hash)
    }

    /// The next epoch: pending transactions are executed in their order.
    pub(super) fn advance(&mut self) {
        if self.is_stuck {
            return;
        }
        for transaction in self.transactions.iter_mut().filter(|transaction| transaction.done.is_none()) {
            transaction.done = Some(if self.nonces.insert(transaction.nonce) {
                self.pieces.push(transaction.piece.clone());
                Ok(self.pieces.len() as u64 - 1)
            } else {
                Err(())
            });
        }
    }
}
