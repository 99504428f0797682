//! What a receipt names, from addresses that whoever wrote it may lead us to.

use clap::Args;

use super::exit::Failure;
use crate::http::Reach;

/// The flag of all commands that fetch what a receipt names.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Recorded {
    /// Let the URLs in a receipt lead to this machine and to private networks too: for receipts of people whom you trust
    #[arg(long)]
    private_addresses: bool,
}

impl Recorded {
    /// From which addresses URLs of a receipt are fetched.
    pub(super) fn reach(self) -> Reach {
        if self.private_addresses { Reach::Anywhere } else { Reach::PublicOnly }
    }

    /// `failure`, with what to do where the address was the reason.
    pub(super) fn explain(self, failure: impl Into<Failure>) -> Failure {
        let mut failure = failure.into();
        if !self.private_addresses && failure.message.contains("only public addresses") {
            failure.message += "; if you trust the receipt, add --private-addresses";
        }
        failure
    }
}
