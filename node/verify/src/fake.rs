//! Sample claims for tests.

use bacalhau_tree::Link;

/// The CID of a claim of these results and this fuel, all else equal.
pub(super) fn claim(h1: &str, fuel: u64) -> Link {
    Link::of_dag_cbor(format!("{h1} for {fuel}").as_bytes())
}
