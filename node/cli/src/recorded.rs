//! Access to addresses in receipts, whose authors are not trusted.

use clap::Args;

use super::exit::Failure;
use bacalhau_http::Reach;

/// The flag of all commands that fetch by a receipt.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Recorded {
    /// Allow URLs in a receipt to point to this machine and to private networks, for receipts that you trust
    #[arg(long)]
    private_addresses: bool,
}

impl Recorded {
    /// The addresses from which URLs of a receipt are fetched.
    pub(super) fn reach(self) -> Reach {
        if self.private_addresses { Reach::Anywhere } else { Reach::PublicOnly }
    }

    /// `failure` with a hint if the address was rejected.
    pub(super) fn explain(self, failure: impl Into<Failure>) -> Failure {
        let mut failure = failure.into();
        if !self.private_addresses && failure.message.contains("only public addresses") {
            failure.message += "; if you trust the receipt, add --private-addresses";
        }
        failure
    }
}
