//! Whom a deal takes: a market and a node of the chain, both behind one trait, each in one file: `curio` and `lotus`. Which of
//! them has the next step, and what becomes of what it says, is decided in `machine`; a back end looks at a deal and changes
//! nothing of it. It may be asked for the same step again, after a crash too, and then does nothing twice.

use std::fmt::Debug;
use std::time::Duration;

use bacalhau_runtime::Link;

use super::{Address, Claim, Deal, MarketState};

/// One of the two.
pub trait Backend: Send + Sync + Debug {
    /// Takes the step that comes next for `deal`, at `now_ms` in Unix milliseconds, and says what it learned.
    ///
    /// # Errors
    /// Why it could not be taken.
    fn advance(&self, deal: &Deal, now_ms: u64) -> Result<Fact, Trouble>;
}

/// Who signs for a wallet, which a market wants for each request.
pub trait Wallet: Send + Sync + Debug {
    /// The signature of `message` by the key of `wallet`: a byte for its kind and the bytes of the signature, as
    /// `crypto.Signature.MarshalBinary` has it.
    ///
    /// # Errors
    /// Why there is none.
    fn sign(&self, wallet: &Address, message: &[u8]) -> Result<Vec<u8>, Trouble>;
}

/// What a step has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The chain knows provider and wallet, and the deal fits both: at [`Stage::Prepared`](super::Stage::Prepared). In words.
    Checked(String),
    /// The message of the allocation is sent, or was before: at [`Stage::Checked`](super::Stage::Checked).
    Pushed(Link),
    /// The message is on the chain, and this is the allocation's number: at [`Stage::Allocating`](super::Stage::Allocating);
    /// at [`Stage::Checked`](super::Stage::Checked) too, where nobody remembers the message.
    Allocated(u64),
    /// The market has the proposal, or had it before.
    Proposed,
    /// The market has the data that was uploaded, or had it before.
    Uploaded,
    /// What the market says of the deal, with its words, if it has any.
    Market(MarketState, String),
    /// The provider has claimed the allocation: at [`Stage::Complete`](super::Stage::Complete).
    Claimed(Claim),
    /// Nothing new. What is waited for, in words.
    Waiting(String),
}

/// Why a step could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It may work later: the network, a server that is overloaded or fails, a node that is behind the chain.
    #[error("{why}")]
    Later {
        /// What went wrong.
        why: String,
        /// How long the other side asks to be left alone.
        after: Option<Duration>,
    },
    /// It will not work: the deal ends here.
    #[error("{why}: {todo}")]
    Never {
        /// What is wrong.
        why: String,
        /// What somebody can do about it.
        todo: String,
    },
}

impl Trouble {
    /// Something that may work later.
    pub fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), after: None }
    }

    /// Something that will not work, and what to do about it.
    pub fn never(why: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::Never { why: why.into(), todo: todo.into() }
    }
}
